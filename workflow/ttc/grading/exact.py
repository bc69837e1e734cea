"""Exact values of what Math-Verify reads without evaluating it: fractions, powers, factorials of whole numbers.

Math-Verify compares such expressions to 15 decimals, by which 1/20! is 1/21!.  Only the worker imports this module.
"""

from fractions import Fraction

# Beyond this many bits a value is not computed: towers of powers have no end
BITS = 8192
_LARGEST_FACTORIAL = 900


def exact_value(expression) -> Fraction | None:
    """The rational value of a SymPy expression; None if it has none, or a decimal, a symbol or a huge part in it."""
    import sympy
    from sympy.functions.combinatorial.factorials import binomial, factorial

    if isinstance(expression, sympy.Rational):
        return _small(Fraction(int(expression.p), int(expression.q)))
    parts = [exact_value(part) for part in getattr(expression, "args", ())]
    if not parts or None in parts:
        return None
    if isinstance(expression, sympy.UnevaluatedExpr):
        return parts[0]
    if isinstance(expression, sympy.Pow):
        return _power(*parts)
    if isinstance(expression, sympy.Add | sympy.Mul):
        value = parts[0]
        for part in parts[1:]:
            value = _small(value + part if isinstance(expression, sympy.Add) else value * part)
            if value is None:
                return None
        return value
    whole = all(part.denominator == 1 and 0 <= part <= _LARGEST_FACTORIAL for part in parts)
    if isinstance(expression, factorial | binomial) and whole:
        return _small(Fraction(int(expression.func(*map(int, parts)))))
    return None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or abs(exponent) * bits > BITS or (base == 0 and exponent <= 0):
        return None
    return _small(base ** int(exponent))


def _small(value: Fraction) -> Fraction | None:
    return value if max(value.numerator.bit_length(), value.denominator.bit_length()) <= BITS else None

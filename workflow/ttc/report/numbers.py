"""Numbers as pages show them: shares in per cent, differences in points, intervals, and large numbers in words."""

from collections.abc import Callable

LARGE = ("thousand", "million", "billion", "trillion", "quadrillion", "quintillion")


def number(value: float) -> str:
    """A number with three decimals, fewer where it is larger, and a true minus sign."""
    text = f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def probability(value: float) -> str:
    """A p-value: three decimals, and `< 0.001` below them."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def percent(share: float) -> str:
    """A share in per cent, with one decimal."""
    return f"{100 * share:.1f}"


def points(difference: float) -> str:
    """A difference of shares in points, with its sign and one decimal."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def interval(low: float, high: float, form: Callable[[float], str] = percent) -> str:
    """An interval in brackets."""
    return f"[{form(low)}, {form(high)}]"


def short(value: float) -> str:
    """A positive number with three digits, whole ones with all of theirs."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def large(value: float) -> str:
    """A large number in words: 12.3 million."""
    power = 0
    while value >= 999.5 and power < len(LARGE):
        value, power = value / 1000, power + 1
    return f"{value:.3g}" + (f" {LARGE[power - 1]}" if power else "")

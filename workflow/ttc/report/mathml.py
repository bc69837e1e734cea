r"""Mathematics of solutions as MathML, which browsers draw without anything else.

`rendered` takes text as models write it, with `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and environments in it.  What is not
understood is shown as it was written: nothing is guessed, and no text is an error.
"""

import re
from functools import lru_cache

from markupsafe import Markup, escape

from ttc.report import tex_names as tex

# Longer formulas, and deeper ones, are shown as they were written
LONGEST, DEEPEST = 4000, 40
_FORMULA = re.compile(
    r"""(?<!\\)\$\$(?P<display>[^$]{1,LONGEST})\$\$
    |(?<!\\)\$(?!\s)(?P<inline>(?:[^$\\]|\\.){1,LONGEST}?)(?<!\s)\$(?!\d)
    |\\\[(?P<bracket>(?:[^\\]|\\(?![\[\]])){1,LONGEST})\\\]
    |\\\((?P<round>(?:[^\\]|\\(?![()])){1,LONGEST})\\\)
    |(?P<environment>\\begin\{(?P<name>(?:align|equation|gather)\*?)\}
      (?:[^\\]|\\(?!begin\{(?P=name)\}|end\{(?P=name)\})){1,LONGEST}\\end\{(?P=name)\})""".replace(
        "LONGEST", str(LONGEST)
    ),
    re.DOTALL | re.VERBOSE,
)
_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_BARE = re.compile(r"[\\^_]")


class _Unreadable(Exception):
    """The formula has something that is not understood."""


def rendered(text: str) -> Markup:
    """The text as HTML, its formulas as MathML; everything is escaped."""
    parts, end = [], 0
    for found in _FORMULA.finditer(text):
        parts.append(escape(text[end : found.start()]))
        source = next(
            value for name, value in found.groupdict().items() if value is not None and name != "name"
        )
        display = found["inline"] is None and found["round"] is None
        parts.append(formula(source, display) or escape(found[0]))
        end = found.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def beginning(text: str, length: int) -> str:
    """The first `length` characters of a text or a little less: it ends between two words, and in no formula."""
    if len(text) <= length:
        return text
    spaces = [place for place, each in enumerate(text[: length + 1]) if each.isspace()]
    inside = [found.span() for found in _FORMULA.finditer(text)]
    ends = [place for place in spaces if not any(start < place < end for start, end in inside)]
    return f"{text[: ends[-1]]} …" if ends and ends[-1] else "…"


def answer(text: str) -> Markup:
    """A bare answer: as a formula where it is written in TeX, else as it is."""
    if not _BARE.search(text) or "$" in text:
        return rendered(text)
    return formula(text) or escape(text)


@lru_cache(maxsize=65_536)
def formula(source: str, display: bool = False) -> Markup | None:
    """One formula as MathML; None where it is not understood."""
    if len(source) > LONGEST:
        return None
    parser = _Parser(_TOKEN.findall(source))
    try:
        inside = parser.row()
        if parser.peek() is not None:
            return None
    except _Unreadable:
        return None
    style = ' display="block"' if display else ""
    return Markup("<math%s>%s</math>") % (Markup(style), _tag("mrow", inside))


def _tag(name: str, inside: Markup, attributes: str = "") -> Markup:
    """An element; `inside` is escaped already."""
    # Formatting by Markup would ask of each part whether it is escaped, which takes longer than all else
    return Markup(f"<{name}{attributes}>{inside}</{name}>")


def _operator(character: str, attributes: str = "") -> Markup:
    return _tag("mo", escape(character), attributes)


class _Parser:
    """Tokens of one formula, read from left to right."""

    def __init__(self, tokens: list[str]):
        self.tokens, self.place, self.depth = tokens, 0, 0

    def peek(self) -> str | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self) -> str:
        if self.place == len(self.tokens):
            raise _Unreadable
        self.place += 1
        return self.tokens[self.place - 1]

    def skip_spaces(self) -> None:
        while (token := self.peek()) is not None and token.isspace():
            self.place += 1

    def row(self, *ends: str) -> Markup:
        """Everything up to one of `ends`, which is left, or to the end."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise _Unreadable
        parts = []
        while (token := self.peek()) is not None and token not in ends:
            if token in ("}", r"\right", r"\end"):
                raise _Unreadable
            if token in (r"\choose", r"\over"):
                self.place += 1
                parts = [self.stacked(Markup("").join(parts), self.row(*ends), token)]
            elif token.isspace() or token in ("&", "~"):
                self.place += 1
            else:
                parts.append(self.scripted())
        self.depth -= 1
        return Markup("").join(parts)

    def scripted(self) -> Markup:
        """An atom with what stands below and above it."""
        large = (self.peek() or "").removeprefix("\\") in (*tex.LARGE, *tex.LIMITED)
        base = Markup("<mrow></mrow>") if self.peek() in ("^", "_") else self.atom()
        scripts: dict[str, Markup] = {}
        primes = ""
        while True:
            self.skip_spaces()
            if self.peek() in (r"\limits", r"\nolimits"):
                self.take()
            elif self.peek() in ("^", "_"):
                mark = self.take()
                if mark in scripts:
                    raise _Unreadable
                scripts[mark] = self.argument()
            elif self.peek() == "'":
                primes += "′"
                self.take()
            else:
                break
        if primes:
            scripts["^"] = Markup("").join([_operator(primes), scripts.get("^", Markup(""))])
        kinds = {"_": ("munder", "msub"), "^": ("mover", "msup"), "_^": ("munderover", "msubsup")}
        marks = "".join(mark for mark in "_^" if mark in scripts)
        if not marks:
            return base
        inside = Markup("").join([base, *(_tag("mrow", scripts[mark]) for mark in marks)])
        return _tag(kinds[marks][0 if large else 1], inside)

    def argument(self) -> Markup:
        """What a command or a script applies to: a group in braces, or the next thing alone."""
        self.skip_spaces()
        if self.peek() == "{":
            return self.group()
        token = self.peek()
        if token is not None and token[0].isdigit() and len(token) > 1:
            # `\frac12` is one half
            self.tokens[self.place : self.place + 1] = list(token)
        return self.atom()

    def group(self) -> Markup:
        self.expect("{")
        inside = self.row("}")
        self.expect("}")
        return inside

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise _Unreadable

    def raw(self) -> str:
        """A group in braces as it was written."""
        self.skip_spaces()
        self.expect("{")
        parts, level = [], 1
        while True:
            token = self.take()
            level += (token == "{") - (token == "}")
            if not level:
                return "".join(parts)
            parts.append(token)

    def atom(self) -> Markup:
        token = self.take()
        if token == "{":
            self.place -= 1
            return _tag("mrow", self.group())
        if token[0] == "\\" and len(token) > 1:
            return self.command(token[1:])
        if token[0].isdigit():
            return _tag("mn", escape(token))
        if token.isalpha():
            return _tag("mi", escape(token))
        if token in ("\\", "}", "^", "_", "&", "#", "$"):
            raise _Unreadable
        return _operator({"-": "−", "*": "∗", "~": "\u00a0"}.get(token, token), ' stretchy="false"')

    def command(self, name: str) -> Markup:
        """A command whose backslash and name were taken."""
        if name in tex.IDENTIFIERS:
            return _tag("mi", escape(tex.IDENTIFIERS[name]), ' mathvariant="normal"')
        if name in tex.OPERATORS:
            return _operator(tex.OPERATORS[name])
        if name in tex.LARGE:
            return _operator(tex.LARGE[name], ' movablelimits="true"')
        if name in tex.DELIMITERS:
            return _operator(tex.DELIMITERS[name], ' stretchy="false"')
        if name in tex.FUNCTIONS:
            return _tag("mi", escape(name))
        if name in tex.LIMITED:
            return _operator(name, ' movablelimits="true"')
        if name in tex.SPACES or name == "\\":
            return Markup('<mspace width="%sem"></mspace>') % tex.SPACES.get(name, 1.0)
        if name in tex.IGNORED:
            return Markup("")
        if name in tex.TEXTS:
            return _tag("mtext", self.words(self.raw()))
        if name in tex.UPRIGHT:
            return _tag("mi", escape(self.raw()), ' mathvariant="normal"')
        if name in tex.STYLED:
            return _tag("mrow", self.argument())
        return self.structure(name)

    def words(self, text: str) -> Markup:
        r"""The inside of `\text{…}`; spaces at its ends count."""
        return Markup(escape(text.replace("$", "").replace("\\ ", " ")).replace(" ", "\u00a0"))

    def structure(self, name: str) -> Markup:
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            return self.fraction()
        if name in ("binom", "dbinom", "tbinom"):
            return self.stacked(self.argument(), self.argument(), name)
        if name == "sqrt":
            return self.root()
        if name in ("boxed", "fbox"):
            return _tag("mrow", self.argument(), ' class="boxed"')
        if name in tex.ACCENTS or name in tex.UNDER:
            over = name in tex.ACCENTS
            mark = _operator((tex.ACCENTS if over else tex.UNDER)[name])
            inside = Markup("").join([_tag("mrow", self.argument()), mark])
            return _tag("mover" if over else "munder", inside, ' accent="true"' if over else "")
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.table()
        if name in ("pmod", "bmod", "mod"):
            inside = _tag("mi", escape("mod")) + Markup('<mspace width="0.33em"></mspace>')
            if name == "bmod":
                return _tag("mrow", inside)
            return _tag("mrow", Markup("").join([_operator("("), inside, self.argument(), _operator(")")]))
        if name == "mathbb":
            letters = self.raw()
            return _tag("mi", escape("".join(tex.DOUBLE_STRUCK.get(each, each) for each in letters)))
        if name in ("overset", "stackrel", "underset"):
            mark, base = _tag("mrow", self.argument()), _tag("mrow", self.argument())
            return _tag("munder" if name == "underset" else "mover", Markup("").join([base, mark]))
        if name == "not":
            return _operator(self.struck())
        if name in (
            "phantom",
            "hspace",
            "vspace",
            "hspace*",
            "vspace*",
            "label",
            "tag",
            "color",
            "hphantom",
            "vphantom",
            "cline",
        ):
            self.raw()
            return Markup("")
        raise _Unreadable

    def struck(self) -> str:
        token = self.take().removeprefix("\\")
        return tex.OPERATORS.get(token, token) + "\u0338"

    def stacked(self, above: Markup, below: Markup, how: str) -> Markup:
        r"""`{above \choose below}` or `{above \over below}`."""
        inside = _tag("mrow", above) + _tag("mrow", below)
        if how == r"\over":
            return _tag("mfrac", inside)
        inside = _tag("mfrac", inside, ' linethickness="0"')
        return _tag("mrow", Markup("").join([_operator("("), inside, _operator(")")]))

    def fraction(self) -> Markup:
        parts = [_tag("mrow", self.argument()), _tag("mrow", self.argument())]
        return _tag("mfrac", Markup("").join(parts))

    def root(self) -> Markup:
        self.skip_spaces()
        if self.peek() != "[":
            return _tag("msqrt", self.argument())
        self.take()
        index = self.row("]")
        self.expect("]")
        return _tag("mroot", _tag("mrow", self.argument()) + _tag("mrow", index))

    def delimiter(self) -> Markup:
        self.skip_spaces()
        token = self.take().removeprefix("\\")
        character = tex.DELIMITERS.get(token, token)
        if len(character) != 1:
            raise _Unreadable
        return Markup("") if character == "." else _operator(character, ' stretchy="true"')

    def fenced(self) -> Markup:
        left = self.delimiter()
        inside = self.row(r"\right")
        self.expect(r"\right")
        return _tag("mrow", Markup("").join([left, inside, self.delimiter()]))

    def table(self) -> Markup:
        r"""An environment of rows (`\\`) and cells (`&`)."""
        name = self.raw()
        if name not in tex.TABLES:
            raise _Unreadable
        self.skip_spaces()
        if name in ("array", "tabular", "alignat*") and self.peek() == "{":
            self.raw()
        rows: list[list[Markup]] = [[]]
        while True:
            rows[-1].append(self.row("&", "\\\\", r"\end"))
            token = self.take()
            if token == "\\\\":
                rows.append([])
            elif token == r"\end":
                break
        if self.raw() != name:
            raise _Unreadable
        rows = [cells for cells in rows if any(cells)]
        cells = [Markup("").join(_tag("mtd", cell) for cell in row) for row in rows]
        align = ' class="aligned"' if "align" in name or name in ("cases", "split", "eqnarray*") else ""
        inside = _tag("mtable", Markup("").join(_tag("mtr", row) for row in cells), align)
        left, right = (
            _operator(each, ' stretchy="true"') if each else Markup("") for each in tex.TABLES[name]
        )
        return _tag("mrow", Markup("").join([left, inside, right]))

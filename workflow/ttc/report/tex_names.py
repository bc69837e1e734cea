"""Names of TeX commands and the characters that they stand for: what solutions of mathematical problems use."""

IDENTIFIERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta":
    "η", "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi":
    "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "infty": "∞", "ell": "ℓ", "emptyset": "∅", "varnothing": "∅", "Re": "ℜ",
    "Im": "ℑ", "aleph": "ℵ", "hbar": "ℏ", "partial": "∂", "nabla": "∇", "degree": "°", "prime": "′", "angle": "∠",
    "triangle": "△", "square": "□", "Box": "□", "blacksquare": "■", "checkmark": "✓", "%": "%", "$": "$", "#": "#",
    "_": "_", "&": "&", "dots": "…", "ldots": "…", "cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "dotsc": "…", "dotsb":
    "⋯", "star": "⋆", "diamond": "⋄", "Diamond": "◇", "diamondsuit": "♢", "heartsuit": "♡", "clubsuit": "♣",
    "spadesuit": "♠", "bigtriangleup": "△", "triangledown": "▽", "dotsm": "⋯", "cdotp": "·", "S": "§", "pounds":
    "£", "euro": "€", "top": "⊤", "bot": "⊥",
}  # fmt: skip
OPERATORS = {
    "times": "×", "cdot": "⋅", "div": "÷", "pm": "±", "mp": "∓", "ast": "∗", "circ": "∘", "bullet": "∙", "oplus": "⊕",
    "otimes": "⊗", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "lt": "<", "gt": ">",
    "ne": "≠", "neq": "≠", "ll": "≪", "gg": "≫", "approx": "≈", "sim": "∼", "simeq": "≃", "cong": "≅", "equiv": "≡",
    "propto": "∝", "mid": "∣", "nmid": "∤", "parallel": "∥", "perp": "⊥", "in": "∈", "notin": "∉", "ni": "∋",
    "subset": "⊂", "subseteq": "⊆", "supset": "⊃", "supseteq": "⊇", "cup": "∪", "cap": "∩", "setminus": "∖",
    "land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "neg": "¬", "lnot": "¬", "forall": "∀", "exists": "∃",
    "to": "→", "rightarrow": "→", "longrightarrow": "⟶", "leftarrow": "←", "gets": "←", "leftrightarrow": "↔",
    "Rightarrow": "⇒", "Longrightarrow": "⟹", "implies": "⟹", "Leftarrow": "⇐", "Leftrightarrow": "⇔", "iff": "⟺",
    "mapsto": "↦", "uparrow": "↑", "downarrow": "↓", "therefore": "∴", "because": "∵", "colon": ":", "int": "∫",
    "iint": "∬", "oint": "∮", "doteq": "≐", "triangleq": "≜",
}  # fmt: skip
# Limits above and below where there is room
LARGE = {"sum": "∑", "prod": "∏", "coprod": "∐", "bigcup": "⋃", "bigcap": "⋂"}
DELIMITERS = {
    "{": "{", "}": "}", "lbrace": "{", "rbrace": "}", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋",
    "lceil": "⌈", "rceil": "⌉", "vert": "|", "lvert": "|", "rvert": "|", "Vert": "‖", "lVert": "‖", "rVert": "‖",
    "|": "‖", "backslash": "\\", "lbrack": "[", "rbrack": "]",
}  # fmt: skip
FUNCTIONS = (
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "ln",
    "lg", "exp", "det", "dim", "ker", "deg", "gcd", "lcm", "arg", "hom", "Pr",
)  # fmt: skip
LIMITED = (
    "lim", "max", "min", "sup", "inf", "limsup", "liminf",
)  # fmt: skip
ACCENTS = {
    "overline": "‾", "bar": "‾", "hat": "^", "widehat": "^", "vec": "→", "overrightarrow": "→", "tilde": "~",
    "widetilde": "~", "dot": "˙", "ddot": "¨", "overbrace": "⏞", "overarc": "⏜", "wideparen": "⏜",
}  # fmt: skip
UNDER = {"underline": "_", "underbrace": "⏟"}
SPACES = {
    ",": 0.17, ":": 0.22, ";": 0.28, " ": 0.33, "quad": 1.0, "qquad": 2.0, "!": 0.0, "enspace": 0.5, "thinspace": 0.17,
    "\n": 0.33, "space": 0.33, ">": 0.22, "medspace": 0.22, "thickspace": 0.28, "hfill": 1.0, "allowbreak": 0.0,
}  # fmt: skip
# What changes size or place only
IGNORED = (
    "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "big", "Big", "bigg", "Bigg", "bigl", "bigr",
    "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr", "bigm", "middle", "hline", "nonumber", "notag", "noindent",
    "centering",
)  # fmt: skip
TEXTS = (
    "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mbox", "hbox", "emph",
)  # fmt: skip
UPRIGHT = (
    "mathrm", "operatorname", "mathsf", "mathtt",
)  # fmt: skip
STYLED = (
    "mathbf", "boldsymbol", "bm", "mathit", "mathcal", "mathfrak", "mathscr", "mathnormal", "bold", "mathop", "pmb",
)  # fmt: skip
DOUBLE_STRUCK = {"R": "ℝ", "Z": "ℤ", "N": "ℕ", "Q": "ℚ", "C": "ℂ", "P": "ℙ", "E": "𝔼", "F": "𝔽", "H": "ℍ"}
# Environments of rows and cells: what stands left and right of them
TABLES = {
    "matrix": ("", ""), "smallmatrix": ("", ""), "pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "Bmatrix": ("{", "}"),
    "vmatrix": ("|", "|"), "Vmatrix": ("‖", "‖"), "cases": ("{", ""), "array": ("", ""), "tabular": ("", ""),
    "align": ("", ""), "align*": ("", ""), "aligned": ("", ""), "alignat*": ("", ""), "gather": ("", ""),
    "gather*": ("", ""), "gathered": ("", ""), "eqnarray": ("", ""), "eqnarray*": ("", ""), "equation": ("", ""),
    "equation*": ("", ""), "split": ("", ""), "multline*": ("", ""), "dcases": ("{", ""),
}  # fmt: skip

"""Tables that are written for readers."""

from ttc.tables.schema import Schema, count, real, text

# Those of claims first, in the order in which they are counted
VERDICTS = (
    "reproduced",
    "opposite",
    "less than claimed",
    "no effect of size",
    "undecided",
    "measured",
    "not measured",
)
FINDINGS = Schema(
    "findings",
    ("claim",),
    {
        "claim": text(meaning="short name of the row"),
        "number": count(meaning="place of the row in the report", low=1),
        "topic": text(meaning="what it is about, as the report is divided"),
        "text": text(meaning="the claim, or what the number is"),
        "origin": text(meaning="`ours`: a number that the paper does not have", allowed=("paper", "ours")),
        "paper": text(meaning="what the paper says; of a row of ours, why it is here"),
        "value": real(meaning="our number", nullable=True),
        "low": real(meaning="lower end of its 95 % interval", nullable=True),
        "high": real(meaning="upper end of it", nullable=True),
        "bound": text(
            meaning="`≤` or `≥` where the number is only a bound; null = it is the number",
            nullable=True,
            allowed=("≤", "≥"),
        ),
        "questions": count(meaning="questions it is made of", nullable=True),
        "sd": real(
            meaning="standard deviation over questions of the paired number that is tested",
            nullable=True,
            low=0.0,
        ),
        "side": text(
            meaning="where the claim lies: `above` or `below` the threshold, `within` ± it; `none`: no claim",
            allowed=("above", "below", "within", "none"),
        ),
        "threshold": real(meaning="value that decides", nullable=True),
        "family": text(
            meaning="claims that p is adjusted with: `primary`, named beforehand, or all `other`; null = no test",
            nullable=True,
            allowed=("primary", "other"),
        ),
        "p": real(
            meaning="two-sided p-value that the number lies on its side of the threshold, by sign flips over questions "
            "and the standard error over resamples",
            nullable=True,
            low=0.0,
            high=1.0,
        ),
        "p_adjusted": real(
            meaning="p adjusted in its family: primary by Holm, others by Benjamini and Yekutieli",
            nullable=True,
            low=0.0,
            high=1.0,
        ),
        "p_equal": real(
            meaning="p-value, adjusted likewise, that the number lies within two points of no difference (two "
            "one-sided tests); null = that is no verdict here",
            nullable=True,
            low=0.0,
            high=1.0,
        ),
        "same_as": text(
            meaning="claim about the very same number, with which it counts once; null = a number of its own",
            nullable=True,
        ),
        "verdict": text(
            meaning="computed from the numbers before it, with these trained models; `opposite`: decided on the other "
            "side; `less than claimed`: an effect, and a smaller one; `no effect of size`: within two points of none; "
            "`measured`: a number without a claim",
            allowed=VERDICTS,
        ),
        "source": text(meaning="table the number comes from"),
        "detail": text(meaning="how the number was made"),
    },
    meaning="the paper's claims beside our numbers",
)

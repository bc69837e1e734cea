"""Tables that are written for readers."""

from ttc.tables.schema import Schema, count, real, text

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
        "side": text(
            meaning="where the claim lies: `above` or `below` the threshold, `within` ± it; `none`: no claim",
            allowed=("above", "below", "within", "none"),
        ),
        "threshold": real(meaning="value that decides", nullable=True),
        "verdict": text(
            meaning="computed from the numbers before it; `measured`: a number without a claim",
            allowed=("reproduced", "not reproduced", "undecided", "measured", "not measured"),
        ),
        "source": text(meaning="table the number comes from"),
        "detail": text(meaning="how the number was made"),
    },
    meaning="the paper's claims beside our numbers",
)

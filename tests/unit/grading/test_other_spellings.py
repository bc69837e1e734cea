r"""Answers written in other ways: right ones are equal to the gold answer, wrong ones that look alike are not.

Each kind has neighbours of the symptom that people reported.  Both orders of a pair have one verdict.
"""

import pytest

from ttc.grading.grader import Grader

EQUAL = {
    "powers of ten": [
        ("6.02e23", r"6.02 \times 10^{23}"), ("2.5e-4", "0.00025"), ("7e37", r"7 \cdot 10^{37}"),
        ("1e5", "100,000"),
        ("1.2E6", "1200000"), ("-3e-2", "-0.03"), ("5e3", "5 * 10^3"), ("1e3", "10^3"), ("3e8", "3 x 10^8"),
        ("4.5e33", "4.5 × 10³³"), ("4.5e33", r"$4.5\times10^{33}$ erg/s"), ("0.001", "1e-3"),
    ],
    "mathematical characters": [
        (r"90^\circ", "90º"), (r"30^\circ", "30 degrees"), (r"\sqrt[3]{2}", "∛2"), (r"2\sqrt{3}", "2√3"),
        (r"\frac{1}{2}", "½"), (r"3\frac{3}{4}", "3¾"), (r"x \geq 2", "x ≥ 2"), ("6", "2×3"), ("5", "10÷2"),
        ("10^{-3}", "10⁻³"), (r"[0, \infty)", "[0, ∞)"), ("-7", "–7"), ("-7", "—7"), ("-7", "‑7"), ("-7", "﹣7"),
        (r"(-\infty,-2]\cup[2,\infty)", "(−∞, −2] ∪ [2, ∞)"), (r"\frac{\pi}{2}", "π/2"), ("x^{10}", "x¹⁰"),
        (r"\frac{\sqrt{3}}{2}", "√3/2"), (r"3 \pm \sqrt{2}", "3 ± √2"), ("a_1", "a₁"), (r"50\%", "50％"),
        ("42", "４２"),
        (r"\sqrt{x+1}", "√(x+1)"), (r"\theta", "θ"), ("x^2-1", "𝑥²−1"), ("50", "5\u200b0"),
    ],
    "units and words": [
        ("42", "42 apples"), ("7", "7 days"), ("15", "15 square units"), ("60", "60 miles per hour"),
        ("5", "5kg"),
        ("9.8", r"9.8\text{ m/s}^2"), ("9.8", "9.8 m/s²"), ("9.8", r"9.8\,\frac{m}{s^2}"), ("100", "100km/h"),
        ("10 cm", "10cm"), (r"10\text{ cm}", "10 cm^2"), ("10", r"10\,\mathrm{cm}"),
        ("10", r"10 \mathrm{~cm}^{3}"),
        ("10", "10 (cm)"), ("10", "10 cubic meters"), ("18", "18 eggs per day"), ("1/2", "1/2 cup"),
        ("10", "$10$ cm"),
        (r"\frac{3}{4}", "3/4 of the pizza"), ("20", "20 years old"), ("2", "2 pairs of socks"), ("10", "10 m"),
        ("100", "100 sq ft"), ("4.5", "4.5 ft."), ("16", "16th"), ("42", "42 книги"), ("42", "42个"),
        (r"864 \mbox{ inches}^2", "864"), (r"\frac{270}7\text{ degrees}", "270/7"),
        (r"25\pi\text{ cm}^2", r"25\pi"),
        (r"2x\text{ cm}", "2x"), ("5000000", "5 million"), ("2500000", "$2.5 million"), ("30", "30°C"),
        ("5", "x = 5 cm"),
    ],
    "more units": [
        ("2x", "2x cm"), ("5", "5 (five)"), ("12", r"12^{\text{th}}"), ("5", r"5\rm{ cm}"), ("5", r"\text{5 cm}"),
        ("100", r"100\,\Omega"), ("5", r"5 \frac{\text{m}}{\text{s}}"),
        ("[2,5]", r"[2,5]\text{ m}"), ("42", "42 (forty-two)"),
    ],
    "currencies": [
        ("12", "£12"), ("12", "12€"), ("12", "12 euros"), ("1234", "$1,234"), ("1234", "1,234 dollars"),
        ("0.5", "$0.50"), ("25", "25¢"), ("42", "US$42"), ("42", "42 USD"), ("-42", "-$42"), ("42", r"\$42.00"),
        ("42", r"\pounds 42"), ("42", "₹42"),
    ],
    "percent": [(r"35\%", "35 per cent"), (r"35\%", "35 %"), (r"35\%", r"35\text{ percent}")],
    "mixed numbers": [
        ("7/3", "2 1/3"), ("3/2", "1 1/2"), (r"-\frac{3}{2}", "-1 1/2"), (r"\frac{11}{4}", r"2\ 3/4"),
        ("2.75", "2 3/4"),
        ("1.5", r"1\frac{1}{2}"), (r"\frac{3}{2}", "1 1/2 hours"), ("2.5", "2½"),
    ],
    "repeating decimals": [
        (r"\frac{2}{3}", r"0.\overline{6}"), (r"\frac{1}{6}", r"0.1\overline{6}"),
        (r"\frac{1}{11}", r"0.\overline{09}"),
        (r"\frac{1}{3}", "0.333..."), (r"\frac13", r"0.\bar{3}"), ("1", r"0.\overline{9}"), ("1/3", "0.(3)"),
        (r"\frac{7}{3}", r"2.\overline{3}"), ("1/7", r"0.\overline{142857}"), ("1/6", r"0.1666\ldots"),
    ],
    "groups of digits": [
        ("1000", "1 000"), ("1000", "1\u202f000"), ("1234567", "1 234 567"), ("1234567", r"1\,234\,567"),
        ("1000", "1{,}000"), ("12345.5", "12 345.5"), ("1000000", "1'000'000"),
    ],
    "names": [
        ("5", r"I_{\max} = 5"), (r"\frac{1}{2}", r"v_{\min} = 0.5"), ("12", r"V = 12 \text{ cm}^3"),
        ("5", "x_{max} = 5"),
        ("30", r"\angle ABC = 30^\circ"), ("5", r"P_{\text{total}} = 5\text{ W}"), ("x^2+1", "f(x) = x² + 1"),
        ("x = 5", "5"), (r"F_{\mathrm{net}}=10", "10"), ("x = 1/2", "x = 0.5"),
        (r"I_{\max} = 5", r"I_{max}=5.0"),
    ],
    "imaginary unit": [
        ("3i", r"3\cdot i"), ("2+3i", r"2 + 3\cdot i"), (r"2i\sqrt{3}", r"2\sqrt{3}i"), ("-i", "-1i"),
        ("(1+i)^2", "2i"),
        (r"\frac{3}{4}i", r"\frac{3i}{4}"), ("1+2i", "2i+1"), ("3i", r"3\mathrm{i}"),
    ],
    "times of day": [
        ("2:30 pm", "2:30 PM"), (r"2:30\text{ p.m.}", "2:30 pm"), ("14:30", "2:30 pm"),
        ("9:05 am", "09:05 a.m."),
        ("12 noon", "12:00 pm"), ("5 pm", "5:00 p.m."), ("5 PM", "5"),
    ],
    "bases": [
        ("1001_2", "1001_{2}"), ("1001_2", "(1001)_2"), ("1001_2", r"1001_{\text{two}}"),
        ("2A_{16}", "2a_{16}"),
        ("81", "81_{10}"), ("1001_2", "1001₂"), ("1001_2", "1001 base 2"),
    ],
    "marks": [
        ("42", "**42**"), ("42", "`42`."), ("42", "__42__"), ("42", "***42***."), (r"\frac{1}{2}", "**1/2**."),
        ("42", "$42$."), ("42", r"\(42\)"), ("42", '"42"'), ("42", "**42** apples"),
        (r"\text{Evelyn}", "**Evelyn**"),
        ("42", r"\mathbf{42}"), ("3.5", "3.5."), ("42", "= 42"), ("42", r"\approx 42"),
    ],
    "exact values": [
        (r"\frac{1}{20!}", r"\frac{1}{20 \cdot 19!}"), (r"\frac{1}{2^{10}}", r"\frac{1}{1024}"),
        ("10!", "3628800"),
        (r"\frac{\sqrt{2}}{1000000}", r"\frac{1}{500000\sqrt{2}}"),
        (r"\pi \times 10^{-9}", r"\frac{\pi}{10^9}"),
        (r"\binom{10}{3}", "120"), (r"\frac{1}{\sqrt{2}}", "0.707107"), (r"\sqrt{2}\sqrt{3}-\sqrt{6}", "0"),
        ("-1", r"e^{i\pi}"),
    ],
}  # fmt: skip

DIFFERENT = {
    "powers of ten": [
        ("6.02e23", "6.02e22"), ("1e5", "1e6"), ("3e8", "3"), ("1e-8", "1e-9"), ("2e", "2"), ("1e-3", "0"),
        ("2e^3", "2000"), ("6.67e-11", "6.76e-11"),
    ],
    "tiny numbers": [
        (r"\frac{1}{20!}", r"\frac{1}{19!}"), (r"\frac{1}{20!}", "0"),
        (r"\frac{1}{2^{50}}", r"\frac{1}{2^{51}}"),
        (r"\frac{\sqrt{2}}{10^{9}}", r"\frac{\sqrt{3}}{10^9}"), (r"\pi\times10^{-8}", r"3\times10^{-8}"),
        ("e^{-20}", "e^{-21}"), ("e^{-20}", "0"), ("0.0000001x", "0.0000002x"),
        ("x = 0.0000025", "x=0.0000021"),
        ("(0.0000001, 1)", "(0.0000002, 1)"), (r"\frac{1}{3}+10^{-9}", r"\frac13"),
        (r"1-\frac{1}{2^{60}}", "1"),
        (r"\frac{\sqrt{4}}{30000}", "0.000067"), (r"\frac{1}{52!}", r"\frac{1}{51!}"),
    ],
    "mathematical characters": [
        (r"54^\circ", "45°"), (r"\sqrt{13}", "√12"), ("x^2", "x³"), (r"(-\infty,3)", "(−∞,3]"), ("5", "−5"),
        (r"\frac12", "⅓"), (r"\sqrt[3]{2}", "√2"), (r"2\pi", "π²"), ("10^3", "10⁻³"), ("x_2", "x²"),
    ],
    "units and words": [
        ("42", "43 dollars"), ("42", "€24"), ("42", "42 or 43"), ("5", "5x"), ("5", "5 x"), ("5n", "5"),
        ("5t", "5"),
        ("10", "10ab"), ("5", "5 million"), ("3", "3 dozen"), ("2", "2 thirds"), ("42", "4.2 books"),
        ("7a", "7"),
        ("6", "6 feet 2 inches"), ("10", "10^2 cm"), ("5", r"5\pi cm"), ("2", "2 apples and 3 pears"),
        ("3k", "3"),
        ("5", r"5\sin x"), ("5", "5 sin x"), ("2", r"2\sqrt{2} cm"), ("5", "5 or more"),
        ("42", "42 minus 7"), ("5", "5万"),
        ("2", "2xyz"), ("3", "3 m and 4 m"), ("5", "5 base 7"),
        ("5", "5(x)"), ("2", "2(ab)"), ("5", "5 (a+b)"), ("7", "7(n)"), ("5", "5 (or six)"), ("5", "5 (thousand)"),
    ],
    "mixed numbers": [("7/3", "2 2/3"), ("7/3", "21/3"), ("3/2", "11/2"), (r"\frac{2}{3}", "2 3"), ("12", "1 2")],
    "repeating decimals": [
        (r"\frac13", r"0.\overline{2}"), (r"\frac13", "0.3"), (r"\frac13", "0.33"),
        (r"\frac{41}{333}", "0.123"),
        ("1", "0.9"), (r"\frac13", r"0.0\overline{3}"),
    ],
    "groups of digits": [("1000", "1 00"), ("32349", "32, 349"), ("100", "1,00")],
    "names": [
        ("5", r"I_{\max} = 6"), (r"I_{\max} = 5", r"I_{\min} = 5"), ("x=5", "y=5"), ("5", "x > 5"),
        ("x=5", "x=6"),
        ("x_1 = 5", "x_2 = 5"),
    ],
    "imaginary unit": [("3i", "3"), ("3i", "-3i"), ("2+3i", "3+2i"), ("i", "1"), ("2i", "2j")],
    "times of day": [
        ("2:30 pm", "2:30 am"), (r"2:30\text{ p.m.}", "2:30 a.m."), ("5 pm", "5 am"), ("14:30", "2:30 am"),
        ("9:05", "9:50"), ("12:00 am", "12:00 pm"), ("5 pm", "6"), ("12 noon", "12 midnight"),
    ],
    "bases": [
        ("1001_2", "1001_3"), ("1001_2", "1001"), ("204_5", "204"), ("204_5", "204_6"), ("1001_2", "1011_2"),
        ("1001_2", "9"), ("2A_{16}", "2B_{16}"), ("x_2", "x_3"), ("1001_2", r"\log_2 1001"),
    ],
    "marks": [("42", "**43**"), ("x^*", "x"), ("-5", "**5**")],
}  # fmt: skip


def pairs(kinds: dict[str, list[tuple[str, str]]]):
    """A parameter for each pair, named after its kind."""
    return [
        pytest.param(*pair, id=f"{kind}: {' / '.join(pair)}")
        for kind, listed in kinds.items()
        for pair in listed
    ]


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize(("gold", "answer"), pairs(EQUAL))
def test_another_way_to_write_an_answer_is_equal_to_it(grader, gold, answer):
    assert grader.equal(gold, answer).equal and grader.equal(answer, gold).equal


@pytest.mark.parametrize(("gold", "answer"), pairs(DIFFERENT))
def test_a_wrong_answer_that_looks_alike_is_not_equal(grader, gold, answer):
    assert not grader.equal(gold, answer).equal and not grader.equal(answer, gold).equal


def test_any_of_several_gold_answers_is_accepted(grader):
    assert grader.equal(["1/2", "0.25"], "0.250").equal
    assert not grader.equal(["1/2", "0.25"], "0.75").equal
    graded = grader.grade(["forty-two", "42"], ["42 books", "**Forty-two**", "forty-two", "24"])
    assert {answer: each.correct for answer, each in graded.items()} == {
        "42 books": True,
        "**Forty-two**": True,
        "forty-two": True,
        "24": False,
    }


def test_spellings_of_one_answer_vote_together_and_others_do_not(grader):
    spelled = ["18", "18 eggs", "**18**.", "$18", r"18\text{ eggs}", "1.8e1", "18.0", "１８"]
    others = ["18x", "18 or 19", "1.8", "18 million"]
    classes = grader.classes([*spelled, *others])
    assert {classes[answer] for answer in spelled} == {"18"}
    assert [classes[answer] for answer in others] == others


def test_a_time_that_does_not_say_its_half_of_the_day_joins_no_class_of_one_that_does(grader):
    graded = grader.grade("5 pm", ["5", "5 am", "5:00 p.m.", "5 PM"])
    assert {answer: each.correct for answer, each in graded.items()} == {
        "5": True,
        "5 am": False,
        "5:00 p.m.": True,
        "5 PM": True,
    }

"""Stop conditions as a table over the vocabulary, and the search for texts that end a solution."""

from functools import cached_property

import numpy as np

from ttc.problems.stops import Stops

END, STEP, BLANK, TEXT = 1, 2, 4, 8


class StopTable:
    """`Stops` of a tokenizer, as a loop over tokens needs them.

    of_token: [vocabulary] uint8, the bits `END`, `STEP`, `BLANK` and `TEXT` (one of the texts may end with it).
    """

    def __init__(self, stops: Stops, tokenizer, vocabulary: int):
        self.stops, self.tokenizer = stops, tokenizer
        self.of_token = np.zeros(vocabulary, dtype=np.uint8)
        for bit, tokens in ((END, stops.end), (STEP, stops.step), (BLANK, stops.blank)):
            known = np.array([token for token in tokens if token < vocabulary], dtype=np.int64)
            self.of_token[known] |= bit
        if self.texts:
            self.of_token[self._last_tokens(vocabulary)] |= TEXT

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that end a solution."""
        return self.stops.texts

    @cached_property
    def width(self) -> int:
        """Tokens in which the longest text surely lies: each token has a character of it at least."""
        return self.stops.longest_text

    def text_ends(self, written: np.ndarray, ends: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Which rows have just written a text that ends them: [rows] bool.

        written: [rows, tokens], of which the first `ends` count; chosen: the last of these.
        """
        found = np.zeros(len(chosen), dtype=bool)
        rows = np.flatnonzero(self.of_token[chosen] & TEXT)
        if len(rows):
            tails = self.last(written[rows], ends[rows])
            found[rows] = [self.stops.find_text(text) is not None for text in self._decode(tails)]
        return found

    def last(self, written: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The last `width` of the first `ends` tokens of each row."""
        places = ends[:, None] + np.arange(-self.width, 0)
        return np.take_along_axis(written, places, axis=1)

    def _decode(self, tails: np.ndarray) -> list[str]:
        return self.tokenizer.batch_decode(
            [row[row >= 0].tolist() for row in tails],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )

    def _last_tokens(self, vocabulary: int) -> np.ndarray:
        """The tokens that have the last character of one of the texts."""
        last = {text[-1] for text in self.texts}
        written = self.tokenizer.batch_decode(
            [[token] for token in range(min(vocabulary, len(self.tokenizer)))],
            clean_up_tokenization_spaces=False,
        )
        return np.array([token for token, text in enumerate(written) if last & set(text)], dtype=np.int64)

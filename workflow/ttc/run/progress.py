"""Progress of long work: a bar in a terminal, a plain line every few seconds elsewhere."""

import sys
import time

EVERY = 5.0  # seconds between plain lines


class Progress:
    """Call it with what is done; it says so, with rates and the time left."""

    def __init__(self, what: str):
        self.what = what
        self.started = time.monotonic()
        self.spoken = self.started
        self.bar = None
        if sys.stdout.isatty():
            from tqdm import tqdm

            self.bar = tqdm(unit=f" {what}", dynamic_ncols=True)

    def __call__(self, done: int, total: int, tokens: int | None = None, before: int = 0) -> None:
        """tokens: generated for it so far; before: how much of `done` an earlier run has done."""
        now = time.monotonic()
        seconds = max(now - self.started, 1e-9)
        made = "" if tokens is None else f"{tokens / seconds:,.0f} tokens/s"
        if self.bar is not None:
            self.bar.total, self.bar.initial = total, before
            self.bar.set_postfix_str(made, refresh=False)
            self.bar.update(done - self.bar.n)
            if done >= total:
                self.bar.close()
            return
        if now - self.spoken < EVERY and done < total:
            return
        self.spoken = now
        rate = (done - before) / seconds
        slow = f"{rate:,.0f}/s" if rate >= 1 or not rate else f"{60 * rate:,.1f} a minute"
        parts = [f"{done:,} of {total:,} {self.what}", slow, made]
        if rate and done < total:
            parts.append(f"{(total - done) / rate:.0f} s left")
        print("  " + ", ".join(filter(None, parts)), flush=True)

"""Progress of long work: a bar in a terminal, a plain line every few seconds elsewhere."""

import sys
import time

EVERY = 5.0  # seconds between plain lines


class Progress:
    """Call it with (done, total); it says so, with the rate and the time left."""

    def __init__(self, what: str):
        self.what = what
        self.started = time.monotonic()
        self.spoken = self.started
        self.bar = None
        if sys.stdout.isatty():
            from tqdm import tqdm

            self.bar = tqdm(unit=f" {what}", dynamic_ncols=True)

    def __call__(self, done: int, total: int) -> None:
        if self.bar is not None:
            self.bar.total = total
            self.bar.update(done - self.bar.n)
            if done >= total:
                self.bar.close()
            return
        now = time.monotonic()
        if now - self.spoken < EVERY and done < total:
            return
        self.spoken = now
        rate = done / max(now - self.started, 1e-9)
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        print(f"  {done:,} of {total:,} {self.what}, {rate:,.0f}/s{left}", flush=True)

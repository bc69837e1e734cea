"""Kept work of a job that is killed after some blocks, as SIGKILL would do it."""

from ttc.run.work import KeptWork


class Killed(BaseException):
    """What SIGKILL is to a process; no stage catches it."""


class KilledWork(KeptWork):
    """Work of a job that is killed when it has kept `lives` blocks or checkpoints."""

    lives = 1

    def add(self, **tables):
        super().add(**tables)
        self._lose_a_life()

    def keep(self, kind, fill):
        super().keep(kind, fill)
        self._lose_a_life()

    def _lose_a_life(self):
        self.lives -= 1
        if not self.lives:
            raise Killed

"""A Slurm of one machine, for tests and demonstrations: Debian's packages, no systemd, no cgroups, no accounting.

python -m tools.slurm.cluster install    installs the packages (root, Debian; a minute)
python -m tools.slurm.cluster start      starts what is not running, and says when it takes jobs
python -m tools.slurm.cluster status     what runs
python -m tools.slurm.cluster stop       cancels all jobs and ends the daemons

It has two GPUs that are files: scheduled, numbered in CUDA_VISIBLE_DEVICES, good for nothing else.  It listens on
127.0.0.1 only.  It refuses to touch a machine that has a Slurm of its own.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The files must lie there: Snakemake's job step drops SLURM_CONF from the environment.
CONF, GRES = Path("/etc/slurm/slurm.conf"), Path("/etc/slurm/gres.conf")
MARK = "# written by tools/slurm/cluster.py"
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
HOST = socket.gethostname().split(".")[0]


class Unavailable(Exception):
    """Why there can be no cluster on this machine."""


@dataclass(frozen=True)
class Cluster:
    """What the cluster believes it has.  More CPUs than the machine has are fine: jobs then share them."""

    cpus: int = 4
    memory: int = 16000  # MB
    gpus: int = 2
    memory_kill: bool = False  # jobs over their memory are killed; looked at every 3 s
    folder: Path = Path(tempfile.gettempdir()) / "ttc-slurm"

    def start(self) -> None:
        """Start what is not running and wait until a job can run.  Raises Unavailable where it cannot be."""
        self._require()
        for name in ("run", "log", "ctld", "slurmd", "dev"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(self.gpus):
            device = self.folder / f"dev/gpu{number}"
            if not device.exists():
                os.mknod(device, 0o20666, os.makedev(1, 3))  # another /dev/null
        changed = [_write(CONF, self._conf()), _write(GRES, self._gres())]
        self._start_munge()
        if any(changed):
            self._end("slurmd")
            self._end("slurmctld")
        self.start_controller()
        if not self._pid("slurmd"):
            _run("slurmd")
        _wait("the node", self._node_is_up, 60)
        subprocess.run(["srun", "--quiet", "-n1", "-t1", "--mem=50", "true"], check=True, timeout=60)

    def stop(self) -> None:
        """Cancel all jobs, end the daemons, leave nothing of them but their logs."""
        if self._controller_is_up():
            subprocess.run(["scancel", "--user", "root"], check=False)
            with contextlib.suppress(TimeoutError):
                _wait("the end of all jobs", lambda: not _told("squeue", "--noheader"), 30)
        for name in ("slurmd", "slurmctld"):
            self._end(name)
        munged = self.folder / "run/munged.pid"
        if munged.exists():
            self._end("munged")
        # Without a controller every client waits for one, and so does every start of a Snakemake with the Slurm plugin.
        for path in (CONF, GRES):
            if path.exists() and path.read_text(encoding="utf-8").startswith(MARK):
                path.unlink()
        for name in ("ctld", "slurmd", "run", "dev"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def start_controller(self) -> None:
        """Start slurmctld where it does not run."""
        if not self._pid("slurmctld"):
            _run("slurmctld")
        _wait("slurmctld", self._controller_is_up, 60)

    def stop_controller(self, kill: bool = False) -> None:
        """End slurmctld, by SIGTERM or SIGKILL; jobs go on."""
        self._end("slurmctld", signal.SIGKILL if kill else signal.SIGTERM)

    def processes(self) -> list[int]:
        """Daemons and job steps of this cluster that are alive."""
        return [pid for name in ("slurmd", "slurmctld", "slurmstepd") for pid in _named(name)]

    @staticmethod
    def installed() -> bool:
        """Whether the programs are there."""
        return all(shutil.which(name, path=_PATH) for name in PROGRAMS)

    def _require(self) -> None:
        if os.getuid():
            raise Unavailable("a Slurm of one machine needs root")
        if not self.installed():
            raise Unavailable("Slurm is not installed: python -m tools.slurm.cluster install")
        if CONF.exists() and not CONF.read_text(encoding="utf-8").startswith(MARK):
            raise Unavailable(f"{CONF} is not ours: this machine has a Slurm of its own")
        try:
            if not socket.gethostbyname(HOST).startswith("127."):
                raise Unavailable(f"/etc/hosts must say that {HOST} is 127.0.0.1")
        except OSError as error:
            raise Unavailable(f"/etc/hosts does not know {HOST} ({error})") from error

    def _start_munge(self) -> None:
        if _works("munge -n | unmunge"):
            return
        key = Path("/etc/munge/munge.key")
        for place, mode in (("/etc/munge", "0700"), ("/run/munge", "0755"), ("/var/log/munge", "0700")):
            _run("install", "-d", "-o", "munge", "-g", "munge", "-m", mode, place)
        if not key.exists():
            key.write_bytes(os.urandom(128))
        shutil.chown(key, "munge", "munge")
        key.chmod(0o400)
        _run(
            "setpriv",
            "--reuid=munge",
            "--regid=munge",
            "--init-groups",
            "/usr/sbin/munged",
            "--num-threads=2",
        )
        _wait("munged", lambda: _works("munge -n | unmunge"), 20)
        shutil.copy("/run/munge/munged.pid", self.folder / "run/munged.pid")

    def _controller_is_up(self) -> bool:
        return CONF.exists() and "is UP" in _told("scontrol", "ping")

    def _node_is_up(self) -> bool:
        state = _told("sinfo", "--noheader", "-N", "-n", HOST, "-o", "%t").strip()
        if state.startswith(("idle", "mix", "alloc", "comp")):
            return True
        if state.startswith(("down", "drain")):  # left so by a crash
            subprocess.run(["scontrol", "update", f"nodename={HOST}", "state=resume"], check=False)
        return False

    def _pid(self, name: str) -> int | None:
        try:
            pid = int((self.folder / f"run/{name}.pid").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return pid if pid in _named(name) else None

    def _end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        pid = self._pid(name)
        if pid:
            os.kill(pid, how)
            try:
                _wait(f"the end of {name}", lambda: pid not in _named(name), 30)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
        (self.folder / f"run/{name}.pid").unlink(missing_ok=True)

    def _conf(self) -> str:
        gres = f"Gres=gpu:fake:{self.gpus}" if self.gpus else ""
        kill = "JobAcctGatherParams=OverMemoryKill\n" if self.memory_kill else ""
        return f"""{MARK}
ClusterName=ttc
SlurmctldHost={HOST}(127.0.0.1)
SlurmctldPort=6817
SlurmdPort=6818
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation={self.folder}/ctld
SlurmdSpoolDir={self.folder}/slurmd
SlurmctldPidFile={self.folder}/run/slurmctld.pid
SlurmdPidFile={self.folder}/run/slurmd.pid
SlurmctldLogFile={self.folder}/log/slurmctld.log
SlurmdLogFile={self.folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=3
{kill}MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
# The last one: a job that waits for a GPU must not hold back jobs without (one node, and backfill plans whole nodes).
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,bf_resolution=60,sched_min_interval=0,bf_min_prio_reserve=4294967290
PriorityType=priority/basic
DefMemPerCPU=100
# Finished jobs stay visible to squeue, by which Snakemake sees that they have finished.
MinJobAge=3600
MaxJobCount=10000
# A request that can never be met is refused; else it would wait for ever.
EnforcePartLimits=ALL
KillWait=5
WaitTime=0
InactiveLimit=0
SlurmctldTimeout=30
SlurmdTimeout=60
# Long: a controller that is away must not drain the node.
UnkillableStepTimeout=300
ReturnToService=2
JobRequeue=0
SlurmdParameters=config_overrides
GresTypes=gpu
AccountingStorageType=accounting_storage/none
NodeName={HOST} NodeAddr=127.0.0.1 NodeHostname={HOST} CPUs={self.cpus} RealMemory={self.memory} {gres} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP OverSubscribe=NO
"""

    def _gres(self) -> str:
        if not self.gpus:
            return f"{MARK}\nAutoDetect=off\n"
        devices = f"{self.folder}/dev/gpu[0-{self.gpus - 1}]" if self.gpus > 1 else f"{self.folder}/dev/gpu0"
        return f"{MARK}\nAutoDetect=off\nNodeName={HOST} Name=gpu Type=fake File={devices}\n"


_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def install() -> None:
    """Install the packages.  Raises Unavailable where that cannot be done."""
    if os.getuid() or not shutil.which("apt-get"):
        raise Unavailable("the packages are Debian's, and are installed by root")
    # Debian's packages start their daemons unless this file forbids it.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        policy.chmod(0o755)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
        command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *PACKAGES]
        subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"the packages cannot be installed ({error})") from error
    finally:
        if ours:
            policy.unlink()


def _write(path: Path, text: str) -> bool:
    """Whether the file had to be changed."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env=os.environ | {"PATH": _PATH}, stdin=subprocess.DEVNULL)


def _works(command: str) -> bool:
    return not subprocess.run(command, shell=True, capture_output=True, check=False).returncode


def _told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _named(name: str) -> list[int]:
    """Living processes of that name; the dead that nobody has fetched yet do not count."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command, _, rest = (folder / "stat").read_text(encoding="utf-8").partition("(")[2].rpartition(")")
            if command.startswith(name) and rest.split()[0] not in "ZX":
                found.append(int(folder.name))
    return found


def _wait(what: str, done: Callable[[], bool], seconds: float) -> None:
    last = time.monotonic() + seconds
    while not done():
        if time.monotonic() > last:
            raise TimeoutError(f"{what} did not come in {seconds:.0f} s")
        time.sleep(0.2)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.slurm.cluster", description=__doc__.splitlines()[0]
    )
    parser.add_argument("what", choices=["install", "start", "status", "stop"])
    parser.add_argument("--cpus", type=int, default=Cluster.cpus)
    parser.add_argument("--memory", type=int, default=Cluster.memory, help="MB")
    parser.add_argument("--gpus", type=int, default=Cluster.gpus)
    given = parser.parse_args()
    cluster = Cluster(given.cpus, given.memory, given.gpus)
    try:
        if given.what == "install":
            install()
        elif given.what == "start":
            cluster.start()
            print(f"ready: {cluster.cpus} cpus, {cluster.memory} MB, {cluster.gpus} GPUs that are files")
        elif given.what == "stop":
            cluster.stop()
            print(f"stopped; {len(cluster.processes())} processes are left")
        else:
            print(_told("sinfo", "-N", "-o", "%N %t %c %m %G") + _told("squeue"), end="")
    except Unavailable as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

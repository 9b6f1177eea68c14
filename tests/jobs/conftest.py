"""A Slurm cluster of its own: three nodes on this host, in a temporary folder, on free ports."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

NODES = 3
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdSpoolDir={folder}/spool.%n
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=5
MinJobAge=3600
PartitionName=main Nodes=node[1-{nodes}] Default=YES DefaultTime=00:30:00 State=UP
"""


class Cluster:
    """Commands against the private cluster; `environment` makes any Slurm command talk to it."""

    def __init__(self, environment: dict[str, str]):
        self.environment = environment

    def run(self, *command: object, cwd: Path | None = None, **variables: object) -> str:
        """Standard output of a command that must succeed."""
        environment = self.environment | {name: str(value) for name, value in variables.items()}
        finished = subprocess.run(
            [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=180
        )
        assert finished.returncode == 0, f"{command}: {finished.stdout}{finished.stderr}"
        return finished.stdout.strip()

    def show(self, job: str) -> dict[str, str]:
        """What `scontrol show job` tells of one job or task of an array."""
        return dict(re.findall(r"(\w+)=(\S*)", self.run("scontrol", "--oneliner", "show", "job", job)))

    def state(self, job: str) -> str:
        """State of one job or task of an array."""
        return self.show(job)["JobState"]

    def wait(self, happened: Callable[[], object], seconds: float, told: Callable[[], object] = lambda: ""):
        """Wait until `happened` is true; fails after `seconds` with what `told` returns."""
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"not within {seconds} s: {told()}"
            time.sleep(0.1)


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]


def configure(folder: Path):
    """Write slurm.conf, the folders that it names and a key for munge."""
    host = socket.gethostname().split(".")[0]
    port, *ports = free_ports(NODES + 1)
    text = "".join(
        f"NodeName=node{i} NodeHostname={host} NodeAddr=127.0.0.1 Port={p} CPUs=2 State=UNKNOWN\n"
        for i, p in enumerate(ports, 1)
    )
    text += CONFIGURATION.format(host=host, folder=folder, port=port, nodes=NODES)
    (folder / "slurm.conf").write_text(text)
    for name in ("state", *(f"spool.node{i}" for i in range(1, NODES + 1))):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)


def stop(process: subprocess.Popen):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def slurm():
    """A running cluster of three nodes with two CPUs each; stops exactly the daemons that it started."""
    needed = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in needed if not shutil.which(name, path=search)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; run `make system-deps`")
    if os.getuid() != 0:
        pytest.skip("Slurm's daemons are started as root; run the tests as root after `make system-deps`")
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    folder.chmod(0o755)
    configure(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
    cluster = Cluster(kept | {"PATH": search, "SLURM_CONF": str(folder / "slurm.conf")})
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)

        def start(name: str, *arguments: str):
            log = stack.enter_context((folder / f"{name}{arguments[-1].replace('/', '_')[-20:]}.log").open("w"))
            command = [shutil.which(name, path=search), *arguments]
            stack.callback(stop, subprocess.Popen(command, env=cluster.environment, stdout=log, stderr=log))

        def logs() -> str:
            return "\n".join(path.read_text()[-2000:] for path in folder.glob("*.log"))

        munge = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        files = [f"--{option}={folder / name}" for option, name in munge.items()]
        start("munged", "--foreground", "--force", *files, f"--log-file={folder}/munged.log")
        cluster.wait((folder / "munge.socket").exists, 20, logs)
        start("slurmctld", "-D")
        for i in range(1, NODES + 1):
            start("slurmd", "-D", "-N", f"node{i}")

        def idle() -> bool:
            states = subprocess.run(
                ["sinfo", "-h", "-N", "-o", "%T"], env=cluster.environment, capture_output=True, text=True
            )
            return states.stdout.split() == ["idle"] * NODES

        cluster.wait(idle, 60, logs)
        yield cluster
        subprocess.run(["scancel", "--user=root"], env=cluster.environment, check=False, timeout=30)
        cluster.wait(lambda: not cluster.run("squeue", "--noheader"), 30, logs)

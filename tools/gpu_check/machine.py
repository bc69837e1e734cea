"""The GPU: what it is, and how fast its memory is, which bounds every token that is decoded."""

import subprocess

import torch

from tools.gpu_check.frame import Given, Row, tell


def bandwidth(given: Given) -> float:
    """Bytes a second that a copy within the device's memory reads and writes."""
    size = 1 << (24 if given.small else 31)
    source = torch.ones(size, dtype=torch.uint8, device=given.device)
    target = torch.empty_like(source)
    target.copy_(source)
    return max(2 * size / given.seconds(lambda: target.copy_(source)) for _ in range(5))


def check(given: Given) -> list[Row]:
    """Name, memory, driver, versions, bandwidth."""
    rows = [
        Row("torch", torch.__version__),
        Row("memory read and written", f"{bandwidth(given) / 1e9:,.0f} GB/s"),
    ]
    if given.device == "cpu":
        return rows
    about = torch.cuda.get_device_properties(0)
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
    return [
        Row(
            "GPU", f"{about.name}, {about.total_memory / 2**30:.0f} GiB, {torch.cuda.device_count()} of them"
        ),
        Row("driver", driver),
        *rows,
    ]


if __name__ == "__main__":
    tell(check)

"""Log lines of the engine's processes, as TensorFlow's logger writes the Object Detection API's."""

from __future__ import annotations


def log(message: str) -> None:
    """Print one message of level INFO at once: somebody may be following the file."""
    print(f"INFO:tensorflow:{message}", flush=True)

"""The receipt keys' file: JSON, readable by its owner only, replaced whole."""

import json
import os
from pathlib import Path

from marketplace.receipt import KeyRing, ReceiptKey, new_key
from marketplace.runtime.settings import BadSettingError


def load_ring(path: Path) -> KeyRing:
    """Reads the ring. Raises BadSettingError."""
    try:
        keys = json.loads(path.read_text())["keys"]
        return KeyRing(
            ReceiptKey(bytes.fromhex(key["key_id"]), bytes.fromhex(key["secret"]), int(key["active_from_us"]))
            for key in keys
        )
    except FileNotFoundError:
        raise BadSettingError(f"RECEIPT_KEYS: there is no file {path}; `campaign keys create` makes one") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadSettingError(f"RECEIPT_KEYS: {path} is not a key file ({type(problem).__name__})") from None


def create_ring(path: Path, now_us: int) -> bool:
    """Makes a file with one key, active at once; False where there is a file already."""
    key = new_key(now_us)
    entry = {"key_id": key.key_id.hex(), "secret": key.secret.hex(), "active_from_us": key.active_from_us}
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"keys": [entry]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)  # unlike a rename, never replaces a ring that receipts are sealed with
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    return True

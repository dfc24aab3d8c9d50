"""A keyring of the tests' own: a file that PYTHON_KEYRING_BACKEND puts in the desktop's place."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

FILE = "TEST_KEYRING"  # the variable that names the file


class InFile(KeyringBackend):
    """Behind keyring's own interface, shared by processes; what is kept is in plain."""

    priority = 1

    def _kept(self) -> dict[str, str]:
        file = Path(os.environ[FILE])
        kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return kept

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        kept = self._kept() | {f"{service}/{username}": password}
        Path(os.environ[FILE]).write_text(json.dumps(kept))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("there is none")
        Path(os.environ[FILE]).write_text(json.dumps(kept))

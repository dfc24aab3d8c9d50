"""Access tokens of an OAuth 2 sign-in: fetched when asked for, kept until shortly before their end.

It stands between the contract and the providers because the firm's mail server and the cloud
providers sign in the same way, and the core may not import a provider.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from connector.contract import TokenStore
from connector.errors import AuthRequired, ConfigError, Transient
from connector.lock import folder

TIMEOUT = 30.0  # seconds
EARLY = timedelta(minutes=1)  # before its end a token is not used any more
LIFE = timedelta(minutes=5)  # of a token whose server does not say
REFRESH = "refresh_token"  # the name under which a store keeps it
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

PRESETS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "google": ("https://oauth2.googleapis.com/token", {}),
    "microsoft": (
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        {
            "smtp": "https://outlook.office.com/SMTP.Send offline_access",
            "imap": "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        },
    ),
}
"""Token address of a mail provider, and the scope of each use where it wants one named.

Source: Google, "Using OAuth 2.0 to access Google APIs"; Microsoft, "Authenticate an IMAP, POP or
SMTP connection using OAuth"; both read 2026-11-20.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where tokens are fetched and by whom; one without a `secret` is a public client.

    `scope` is asked for at each refresh, empty for what was granted at the sign-in.
    """

    token_url: str
    id: str
    secret: str = field(default="", repr=False)
    scope: str = ""


def fit_for_secrets(url: str) -> bool:
    """Whether an address may be told a secret: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def xoauth2(user: str, token: str) -> str:
    """What a mailbox is told at a sign-in with AUTH XOAUTH2, by SMTP and IMAP alike.

    Source: Google, "OAuth 2.0 Mechanism", read 2026-11-20; Microsoft 365 takes the same.
    """
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


class AccessTokens:
    """The access tokens of one sign-in, for any thread; processes take turns to refresh.

    `who` begins every error, `mend` says what a person does when the sign-in is over. The store
    holds the refresh token under `REFRESH`; one that the server replaces is written back at once.
    `clock` gives aware UTC instants.

    Raises, where a token has to be fetched: `AuthRequired` (the sign-in is over, or the client is
    refused), `Transient` (later), `ConfigError` (no token server at that address; a store that
    cannot be read or written). No message holds a secret.
    """

    def __init__(
        self,
        who: str,
        client: Client,
        store: TokenStore,
        *,
        mend: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeout: float = TIMEOUT,
    ) -> None:
        self.client = client
        self._who, self._store, self._mend = who, store, mend
        self._clock, self._timeout = clock, timeout
        self._turn = threading.RLock()
        self._token, self._good_until = "", datetime.min.replace(tzinfo=UTC)
        self._seen = {client.secret} - {""}

    def current(self) -> str:
        """A token that is good for the next minute."""
        with self._turn:
            if self._clock() >= self._good_until:
                self._fetch()
            return self._token

    def renewed(self, refused: str) -> str:
        """Another token, in place of one that its server has refused."""
        with self._turn:
            if self._token == refused:
                self._fetch()
            return self.current()

    def redact(self, text: str) -> str:
        """The text without any secret of this sign-in."""
        for secret in self._seen:
            text = text.replace(secret, "***")
        return text

    def _fetch(self) -> None:
        """Refresh, alone among all processes: a refresh token may be good for one use."""
        known = f"{self.client.token_url}\x1f{self.client.id}\x1f{self._who}"
        name = hashlib.sha256(known.encode()).hexdigest()[:16]
        try:
            with FileLock(folder() / f"{name}.token.lock", timeout=2 * self._timeout):
                self._refresh()
        except Timeout:
            raise Transient(
                f"{self._who}: another process is signing in and does not end"
            ) from None

    def _refresh(self) -> None:
        mine = self._store.read(REFRESH)
        if not mine:
            raise AuthRequired(f"{self._who}: not signed in: {self._mend}")
        self._seen.add(mine)
        self._token, self._good_until = "", datetime.min.replace(tzinfo=UTC)
        told = self._asked(mine)
        token = told.get("access_token")
        if not isinstance(token, str) or not token:
            raise ConfigError(
                f"{self._who}: {self.client.token_url} answered without an access token: is it "
                "the address that hands out tokens?"
            )
        new = told.get("refresh_token")
        self._seen.add(token)
        if isinstance(new, str) and new and new != mine:
            self._seen.add(new)
            self._store.write(REFRESH, new)
        self._token, self._good_until = token, self._clock() + _life(told) - EARLY

    def _asked(self, refresh_token: str) -> Mapping[str, Any]:
        """The token server's answer.

        Raises:
            AuthRequired, Transient, ConfigError: as the class.
        """
        # here, for they are large and most commands sign in nowhere
        from authlib.integrations.base_client import OAuthError
        from authlib.integrations.requests_client import OAuth2Session
        from requests import RequestException

        client = self.client
        session = OAuth2Session(client.id, client.secret or None, scope=client.scope or None)
        session.register_compliance_hook("refresh_token_response", self._judged)
        try:
            told = session.refresh_token(
                client.token_url,
                refresh_token=refresh_token,
                timeout=self._timeout,
                allow_redirects=False,  # a refresh token is for no other address
            )
        except OAuthError as error:
            raise self._refused(error) from None
        except (ValueError, AttributeError, TypeError):
            raise ConfigError(self._no_tokens("an answer that is no token")) from None
        except RequestException as error:
            raise Transient(
                f"{self._who}: no answer from {self._place()} ({type(error).__name__}): it is "
                "asked again later"
            ) from None
        finally:
            session.close()
        return dict(told)

    def _judged(self, response: Any) -> Any:
        """An answer that speaks of tokens; every other one is an error."""
        status = response.status_code
        if status == 429 or status >= 500:
            wait = response.headers.get("Retry-After", "")
            later = self._clock() + timedelta(seconds=int(wait[:9])) if wait.isdecimal() else None
            raise Transient(f"{self._who}: {self._place()} is not available: HTTP {status}", later)
        if status not in (200, 400, 401, 403):
            raise ConfigError(self._no_tokens(f"HTTP {status}"))
        return response

    def _refused(self, error: Any) -> AuthRequired:
        words = " ".join(str(error.description or "").split())[:200]
        said = self.redact(f"{error.error}{words and f', {words}'}")
        return AuthRequired(f"{self._who}: sign-in refused: {said}: {self._mend}")

    def _no_tokens(self, what: str) -> str:
        return f"{self._who}: {self._place()} gave {what}: is it the address that hands out tokens?"

    def _place(self) -> str:
        return self.client.token_url.partition("?")[0]


def _life(told: Mapping[str, Any]) -> timedelta:
    """How long a token holds, as its server says; a word that does not read counts for none."""
    try:
        return timedelta(seconds=max(int(told.get("expires_in") or 0), 0)) or LIFE
    except (TypeError, ValueError, OverflowError):
        return LIFE

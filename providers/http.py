"""One HTTP session of a provider: time-outs, retried reads, writes called once, mapped errors."""

import logging
import re
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import requests
from requests.exceptions import ConnectTimeout, InvalidURL, MissingSchema, ReadTimeout
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random
from urllib3.exceptions import NewConnectionError

from connector.contract import Meter
from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    KeptForSending,
    OutcomeUnknown,
    Rejected,
    Transient,
)

CONNECT, READ = 10, 60  # seconds
TRIES = 4
LONGEST_WAIT = timedelta(seconds=60)  # a longer one is the caller's to store
REDIRECTS = 5
PASSING = (502, 503, 504)
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")
USERINFO = re.compile(r"(?<=://)[^/\s@]+@")

Json = Mapping[str, object] | list[object]


class WebPage(Transient):
    """A page for people came where the API's answer was due; maintenance, if it passes."""


class Failed(Rejected):
    """The server failed on a question: on this one always, or only now."""


class Session:
    """Calls below one base address, each with a time-out and its credentials.

    `read` may be repeated and is, on `Transient` and on a 5xx, up to four times; `write` is called
    once, on a connection of its own: a kept one may have died, and nobody could tell whether the
    call did. A 5xx that stays is `Rejected`: one bad record is no server that is gone.
    Statuses named in `accept` are the caller's to judge. `secrets` never appear in a message.

    Raises, from both: `AuthRequired` (401, 403), `ConfigError` (an address that does not serve
    the API), `Rejected` (other refusals), `Transient`; from `write` also `OutcomeUnknown`. Each
    call takes its place on the `meter`, which is told what the answer's `left_header` says is left.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        meter: Meter | None = None,
        left_header: str = "",
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.provider = provider
        self.base_url = base_url.rstrip("/")
        self.headers = dict(headers or {})
        self.secrets = [secret for secret in secrets if secret]
        self._meter, self._left_header = meter, left_header
        self._sleep = sleep
        self._clock = clock
        self._kept = _plain_session(self.base_url)
        self._backoff = wait_exponential(multiplier=0.5, max=10) + wait_random(0.1, 1)
        where = urlsplit(self.base_url)
        if where.scheme == "http" and not LOOPBACK.fullmatch(where.hostname or ""):
            logging.getLogger(__name__).warning(
                "%s: %s is not encrypted: passwords and invoices travel in the clear",
                provider,
                self.redact(self.base_url),
            )

    def read(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        document: bool = False,
        tries: int = TRIES,
    ) -> requests.Response:
        """The answer of a call that changes nothing; `document` when it need not be JSON."""

        def once() -> requests.Response:
            response = self._follow(method, path, params, json, headers)
            return self._judge(response, accept, document=document)

        retrying = Retrying(
            retry=retry_if_exception(self._worth_a_wait),
            wait=self._pause,
            stop=stop_after_attempt(tries),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(once)
        except WebPage as error:
            raise ConfigError(str(error)) from None

    def write(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> requests.Response:
        """The answer of a call that does something: made once, whatever becomes of it."""
        url = self._url(path)
        with _plain_session(url) as fresh:
            try:
                response = self._send(fresh, method, url, params, json, headers)
            except requests.RequestException as error:
                if _never_made(error):
                    raise self._unreachable(url, error) from error
                raise OutcomeUnknown(
                    self._say(url, f"the answer was lost ({_short(error)}): it may have been done")
                ) from error
        try:
            return self._judge(response, accept, writing=True)
        except WebPage as error:
            raise OutcomeUnknown(str(error)) from None

    def close(self) -> None:
        """Let go of the kept connections."""
        self._kept.close()

    def redact(self, text: str) -> str:
        """The text without any of our secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return USERINFO.sub("***@", text)

    def _url(self, path: str) -> str:
        return path if "://" in path else self.base_url + path

    def _say(self, url: str, what: str) -> str:
        return self.redact(f"{self.provider}: {url.partition('?')[0]}: {what}")

    def _send(
        self,
        session: requests.Session,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        json: Json | None,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        try:
            with self._meter.call() if self._meter else nullcontext():
                response = session.request(
                    method,
                    url,
                    params=params,
                    json=json,
                    headers={**self.headers, **(headers or {})},
                    timeout=(CONNECT, READ),
                    allow_redirects=False,
                )
        except (InvalidURL, MissingSchema) as error:
            raise ConfigError(self._say(url, "this is not an address. Correct it.")) from error
        except requests.exceptions.SSLError as error:
            if not _untrusted(error):
                raise
            problem = "its certificate is not trusted. Correct the address or the certificate."
            raise ConfigError(self._say(url, problem)) from error
        left = response.headers.get(self._left_header, "") if self._left_header else ""
        if self._meter and left.isdecimal():
            self._meter.left(int(left))
        return response

    def _follow(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Json | None,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        """Read, along redirects that stay on this host: credentials are for no other."""
        url = self._url(path)
        for _ in range(REDIRECTS):
            try:
                response = self._send(self._kept, method, url, params, json, headers)
            except requests.RequestException as error:
                raise self._unreachable(url, error) from error
            target = urljoin(url, response.headers.get("Location", ""))
            same_host = urlsplit(target)[:2] == urlsplit(url)[:2]
            repeatable = method == "GET" or response.status_code in (307, 308)
            if not (response.is_redirect and same_host and repeatable):
                return response
            url, params = target, None
        return response

    def _unreachable(self, url: str, error: requests.RequestException) -> Transient:
        if isinstance(error, ReadTimeout):
            return Transient(self._say(url, f"no answer within {READ} seconds"))
        if _never_made(error):
            return Transient(
                self._say(url, f"cannot connect ({_short(error)}). Is the server running?")
            )
        return Transient(self._say(url, f"the answer was cut off ({_short(error)})"))

    def _judge(
        self,
        response: requests.Response,
        accept: Collection[int],
        *,
        document: bool = False,
        writing: bool = False,
    ) -> requests.Response:
        status, url = response.status_code, response.url
        if status in accept:
            return response
        if response.ok and not response.is_redirect:
            if not document and response.content.lstrip()[:1] == b"<":
                setting = f"RELANCE_{self.provider.upper()}_URL"
                problem = f"answered a web page, not the API: is {setting} the right address?"
                raise WebPage(self._say(url, problem))
            return response
        raise self._refusal(response, f"HTTP {status}", writing)

    def _refusal(self, response: requests.Response, what: str, writing: bool) -> ConnectorError:
        status, url = response.status_code, response.url
        if status == 429:
            return Transient(self._say(url, f"{what}, too many calls"), self._retry_at(response))
        if status >= 500 and writing:
            return OutcomeUnknown(self._say(url, f"{what}: it may have been done"))
        if status in PASSING:
            return Transient(self._say(url, f"{what}, not available"), self._retry_at(response))
        if status in (401, 403):
            return AuthRequired(
                self._say(url, f"{what}: sign in again, or ask for the right to do this")
            )
        if response.is_redirect:
            target = response.headers["Location"]
            return ConfigError(self._say(url, f"redirects to {target}: is the address right?"))
        words = " ".join(response.text[:300].split()) or "no reason given"
        kind = Failed if status >= 500 and status != 501 else Rejected
        return kind(self._say(url, f"refused, {what}: {words}"))

    def _retry_at(self, response: requests.Response) -> datetime | None:
        """The instant the server names in `Retry-After`, given as seconds or as a date."""
        value = response.headers.get("Retry-After", "").strip()
        if value.isdigit():
            return self._clock() + timedelta(seconds=int(value[:9]))
        try:
            instant = parsedate_to_datetime(value)
        except ValueError:
            return None
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)

    def _worth_a_wait(self, error: BaseException) -> bool:
        if isinstance(error, Failed):
            return True
        if not isinstance(error, Transient) or isinstance(error, KeptForSending):
            return False
        return error.retry_at is None or error.retry_at - self._clock() <= LONGEST_WAIT

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Transient) and error.retry_at:
            return max(0.0, (error.retry_at - self._clock()).total_seconds())
        return self._backoff(state)


def _plain_session(url: str) -> requests.Session:
    """A session with this machine's proxies and certificates, looked up once and not for each call.

    Neither its .netrc nor what stands in the address may replace our Authorization header.
    """
    session = requests.Session()
    session.auth = lambda request: request
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = found["proxies"], found["verify"]
    session.trust_env = False
    return session


def _reason(error: BaseException) -> BaseException | None:
    """What urllib3 says is behind an error, also behind that of a proxy."""
    inner = getattr(error.args[0], "reason", None) if error.args else None
    return getattr(inner, "original_error", inner)


def _never_made(error: requests.RequestException) -> bool:
    return isinstance(error, ConnectTimeout) or isinstance(_reason(error), NewConnectionError)


def _untrusted(error: requests.RequestException) -> bool:
    told: tuple[object, ...] = getattr(_reason(error), "args", ())
    return bool(told) and isinstance(told[0], ssl.SSLCertVerificationError)


def _short(error: BaseException) -> str:
    """The end of a chain of wrapped network errors, where the words for people are."""
    text = str(_reason(error) or error)
    found = re.search(r"\[Errno -?\d+\] [^'\")]*", text)
    return found[0] if found else type(_reason(error) or error).__name__

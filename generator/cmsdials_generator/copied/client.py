"""What the operations send their requests through: base address, credentials and connections."""

import ssl
from types import TracebackType
from typing import Any, Self

import httpx
from attrs import define, evolve, field

DEFAULT_TIMEOUT = httpx.Timeout(30.0)


@define(kw_only=True)
class Client:
    """Connections to a service, without credentials.

    Attributes:
        base_url: Address of the service, such as https://cmsdials-api.web.cern.ch
        headers: Headers of every request; not shown by repr, since they may hold secrets.
        timeout: Of connecting, and of each wait for bytes; default: 30 seconds.
        verify_ssl: What httpx takes as `verify`.
        httpx_args: Further arguments of `httpx.Client` and `httpx.AsyncClient`.
    """

    base_url: str
    headers: dict[str, str] = field(factory=dict, repr=False)
    timeout: httpx.Timeout | None = field(default=DEFAULT_TIMEOUT)
    verify_ssl: str | bool | ssl.SSLContext = True
    httpx_args: dict[str, Any] = field(factory=dict, repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False, eq=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False, eq=False)

    def with_headers(self, headers: dict[str, str]) -> Self:
        """Return a client with further headers; this one stays as it is."""
        return evolve(self, headers={**self.headers, **headers})

    def with_timeout(self, timeout: httpx.Timeout | None) -> Self:
        """Return a client with another timeout; this one stays as it is."""
        return evolve(self, timeout=timeout)

    def all_headers(self) -> dict[str, str]:
        """Return the headers of every request, credentials included."""
        return dict(self.headers)

    def get_httpx_client(self) -> httpx.Client:
        """Return the httpx client, made at the first call."""
        if self._client is None:
            self._client = httpx.Client(**self._arguments())
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the asynchronous httpx client, made at the first call."""
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(**self._arguments())
        return self._async_client

    def _arguments(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "headers": self.all_headers(),
            "timeout": self.timeout,
            "verify": self.verify_ssl,
            **self.httpx_args,
        }

    def __enter__(self) -> Self:
        self.get_httpx_client().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.get_httpx_client().__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.get_async_httpx_client().__aexit__(kind, error, traceback)


@define(kw_only=True)
class AuthenticatedClient(Client):
    """Connections to a service, with credentials.

    Attributes:
        token: The secret; not shown by repr.
        prefix: What stands before it in the header.
        auth_header_name: The header: Authorization for access tokens, X-CLIENT-SECRET (with an empty prefix) for
            the secret of an application.
    """

    token: str = field(repr=False)
    prefix: str = "Bearer"
    auth_header_name: str = "Authorization"

    def all_headers(self) -> dict[str, str]:
        """Return the headers of every request, credentials included."""
        value = f"{self.prefix} {self.token}" if self.prefix else self.token
        return {**self.headers, self.auth_header_name: value}

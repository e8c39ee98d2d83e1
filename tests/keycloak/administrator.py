"""What an administrator of the realm does, through Keycloak's REST interface."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from . import realm
from .server import ADMINISTRATOR, ADMINISTRATOR_PASSWORD


class Administrator:
    """Changes the imported realm of a Keycloak.

    Args:
        url: Address of the Keycloak, with a slash at its end.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.Client(base_url=f"{url}admin/realms/{realm.REALM}/", timeout=300)

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, json: Any = None, **query: Any) -> Any:
        """Return what the server answers; its own token lasts a minute, so each question brings a new one."""
        given = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMINISTRATOR,
            "password": ADMINISTRATOR_PASSWORD,
        }
        address = f"{self._url}realms/master/protocol/openid-connect/token"
        token = self._client.post(address, data=given).raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._client.request(method, path, json=json, params=query, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    # --- the realm

    @contextmanager
    def settings(self, changed: Mapping[str, Any]) -> Iterator[None]:
        """Change settings of the realm for a while."""
        if changed:
            self.ask("PUT", "", dict(changed))
        try:
            yield
        finally:
            if changed:
                self.ask("PUT", "", {name: realm.SETTINGS[name] for name in changed})

    def allow_exchange(self) -> None:
        """Let the public application turn its tokens into ones for DIALS."""
        public, audience = self._client_id(realm.PUBLIC), self._client_id(realm.AUDIENCE)
        server = f"clients/{self._client_id('realm-management')}/authz/resource-server"
        enabled = self.ask("PUT", f"clients/{audience}/management/permissions", {"enabled": True})
        policy = {"name": "may exchange", "logic": "POSITIVE", "clients": [public]}
        made = self.ask("POST", f"{server}/policy/client", policy)
        permission = f"{server}/permission/scope/{enabled['scopePermissions']['token-exchange']}"
        self.ask("PUT", permission, self.ask("GET", permission) | {"policies": [made["id"]]})

    def rotate_keys(self) -> None:
        """Sign with a new key from now on; the old ones stay published, for what they signed."""
        newest = max(int(key["config"].get("priority", ["0"])[0]) for key in self._signing_keys())
        self.ask(
            "POST",
            "components",
            {
                "name": f"rsa-{newest + 1}",
                "providerId": "rsa-generated",
                "providerType": "org.keycloak.keys.KeyProvider",
                "config": {
                    "priority": [str(newest + 1)],
                    "enabled": ["true"],
                    "active": ["true"],
                    "algorithm": ["RS256"],
                    "keySize": ["2048"],
                },
            },
        )

    def remove_old_keys(self) -> None:
        """Publish the newest key alone."""
        *old, _newest = sorted(
            self._signing_keys(), key=lambda key: int(key["config"].get("priority", ["0"])[0])
        )
        for key in old:
            self.ask("DELETE", f"components/{key['id']}")

    def _signing_keys(self) -> list[dict[str, Any]]:
        found = self.ask("GET", "components", type="org.keycloak.keys.KeyProvider")
        return [key for key in found if key["providerId"] == "rsa-generated"]

    def _client_id(self, name: str) -> str:
        (found,) = self.ask("GET", "clients", clientId=name)
        return str(found["id"])

    # --- the person

    def end_sessions(self) -> None:
        """Log the person out everywhere."""
        self.ask("POST", f"users/{self._person()['id']}/logout")

    @contextmanager
    def person(self, **changed: Any) -> Iterator[None]:
        """Change the account of the person for a while."""
        before = self._person()
        self.ask("PUT", f"users/{before['id']}", before | changed)
        try:
            yield
        finally:
            # Asked again: it may have done what it had to.
            self.ask(
                "PUT", f"users/{before['id']}", self._person() | {name: before[name] for name in changed}
            )

    def _person(self) -> dict[str, Any]:
        (found,) = self.ask("GET", "users", username=realm.PERSON, exact="true")
        return dict(found)

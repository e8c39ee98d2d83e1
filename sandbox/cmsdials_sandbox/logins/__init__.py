"""Logging in: the Keycloak realm beside DIALS, DIALS's own login endpoints, and the page on which a person confirms.

These modules need no Django, so they can be tested without a server:

- `clients`: who may ask for tokens, and for which audience;
- `device`: logins in progress, from the codes to the decision;
- `tokens`: the signing keys and JWTs;
- `account`: the state of the only account, as an administrator sets it;
- `sessions`: what was issued to whom, and whether it is still valid;
- `external`: tokens of an external realm;
- `refusals`, `counters`: error codes, and the number of requests of each kind;
- `realm`: all of these for one sandbox.

The endpoints: `keycloak` (the realm), `dials` (`/api/v1/auth/`), `page` (for people), `control` (for tests).
Everything is kept in memory and never removed: a sandbox lasts minutes.
"""

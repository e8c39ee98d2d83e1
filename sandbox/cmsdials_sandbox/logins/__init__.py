"""Logging in: the Keycloak realm beside DIALS, DIALS's own login endpoints, and the page on which a person confirms.

Without Django, and so to be tested without a server:

- `clients`: who may ask for tokens, and for which audience;
- `device`: logins in progress, from the codes to the decision;
- `tokens`: the signing keys and JWTs;
- `account`: what an administrator does to the one person there is;
- `sessions`: what was issued to whom, and whether it still holds;
- `external`: tokens of a realm elsewhere;
- `refusals`, `counters`: what a refusal is called, how often each thing was asked;
- `realm`: all of these for one sandbox.

The answers: `keycloak` (the realm's addresses), `dials` (`/api/v1/auth/`), `page` (for people), `control` (for tests).
Everything lives in memory and nothing is forgotten: a sandbox lasts minutes.
"""

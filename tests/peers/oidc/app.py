"""An application on Authlib. Arguments: issuer, client id, redirect URI. Environment: CLIENT_SECRET, REQUESTS_CA_BUNDLE.

Prints the address to open, reads the address the browser came back to, signs in, verifies the ID token, asks userinfo and
refreshes, and prints what it learnt as JSON.
"""

import json
import os
import secrets
import sys

from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import KeySet

issuer, client_id, redirect_uri = sys.argv[1:]
session = OAuth2Session(
    client_id,
    os.environ["CLIENT_SECRET"],
    scope="openid profile email offline_access",
    redirect_uri=redirect_uri,
    code_challenge_method="S256",
)
metadata = OpenIDProviderMetadata(session.get(get_well_known_url(issuer, external=True), withhold_token=True).json())
metadata.validate()
verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
url, _state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent"
)
print(url, flush=True)

answer = sys.stdin.readline().strip()
tokens = session.fetch_token(metadata["token_endpoint"], authorization_response=answer, code_verifier=verifier)
keys = KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
decoded = jwt.decode(tokens["id_token"], keys)
claims = CodeIDToken(
    decoded.claims,
    decoded.header,
    {"iss": {"values": [issuer]}, "aud": {"values": [client_id]}},
    {"nonce": nonce, "client_id": client_id, "access_token": tokens["access_token"]},
)
claims.validate(leeway=5)
info = session.get(metadata["userinfo_endpoint"]).json()
assert info["sub"] == claims["sub"], (info, claims)
refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
print(json.dumps({"sub": claims["sub"], "email": info["email"], "refreshed": bool(refreshed["access_token"])}))

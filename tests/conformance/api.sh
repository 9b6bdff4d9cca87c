#!/usr/bin/env bash
# Asks a running stack what Schemathesis makes of its OpenAPI document.
#
# Environment: SYNC_API (the origin), SYNC_TOKEN (a token of scope admin), and `schemathesis` on the PATH or in SCHEMATHESIS.
# Runs are asked for as well, and the settings are replaced many times: the stack is not to be one that somebody needs.
set -euo pipefail

get() { curl --fail --silent --header "Authorization: Bearer $SYNC_TOKEN" "$SYNC_API/api/v1/directories$1"; }

SYNC_DIRECTORY=$(get "" | jq --raw-output '.items[0].id')
SYNC_USER=$(get "/$SYNC_DIRECTORY/users?limit=1" | jq --raw-output '.items[0].id')
SYNC_GROUP=$(get "/$SYNC_DIRECTORY/groups?limit=1" | jq --raw-output '.items[0].id')
SYNC_RUN=$(get "/$SYNC_DIRECTORY/runs?limit=1" | jq --raw-output '.items[0].id')
export SYNC_DIRECTORY SYNC_USER SYNC_GROUP SYNC_RUN

# It leaves what it has found where it runs.
config=$(realpath "$(dirname "$0")")/schemathesis.toml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Of its checks two do not apply: what is good by its schema may still lead nowhere (positive_data_acceptance), and what breaks it
# may be an id that is as good as any other that does not exist (negative_data_rejection).
"${SCHEMATHESIS:-schemathesis}" --config-file "$config" run "$SYNC_API/api/v1/openapi.json" \
    --header "Authorization: Bearer $SYNC_TOKEN" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth \
    --seed 365 --max-examples "${EXAMPLES:-60}" --suppress-health-check all --continue-on-failure --warnings off --no-color

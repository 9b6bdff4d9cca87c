#!/usr/bin/env bash
# pull-scim.sh FOLDER: puts users.ndjson and groups.ndjson into the folder, by SCIM 2.0: one resource a line.
#
# Both are there as a whole or not changed at all: ends with 2 when anything could not be read. Needs curl and jq, and in the environment SYNC_API, SYNC_DIRECTORY and
# SYNC_TOKEN as check-access.sh does.
set -euo pipefail

folder=${1:?expected a folder}
base=$SYNC_API/scim/v2/$SYNC_DIRECTORY

scratch=$(mktemp -d "$folder/.pulling.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# pull PATH FILE: all resources of a list, page by page (RFC 9865). By cursor, and not by startIndex: whatever a run writes between
# two pages, a resource that is there all the while comes exactly once.
pull() {
    local cursor='' more=true status
    while [[ $more == true ]]; do
        status=$(curl --silent --show-error --max-time 60 --output "$scratch/page" --write-out '%{http_code}' \
            --header @<(printf 'Authorization: Bearer %s\n' "$SYNC_TOKEN") --get "$base/$1" \
            --data-urlencode "cursor=$cursor" --data count=500) || exit 2
        if [[ $status != 200 ]]; then
            jq --raw-output '.detail' "$scratch/page" >&2 || true
            exit 2
        fi
        jq --compact-output '.Resources[]' "$scratch/page" >>"$2"
        cursor=$(jq --raw-output '.nextCursor // empty' "$scratch/page")
        [[ -n $cursor ]] || more=false
    done
}

: >"$scratch/users" >"$scratch/groups"
pull Users "$scratch/users"
pull Groups "$scratch/groups"
mv "$scratch/users" "$folder/users.ndjson"
mv "$scratch/groups" "$folder/groups.ndjson"
printf '%d users, %d active; %d groups\n' "$(wc -l <"$folder/users.ndjson")" \
    "$(jq 'select(.active)' --compact-output "$folder/users.ndjson" | wc -l)" "$(wc -l <"$folder/groups.ndjson")"

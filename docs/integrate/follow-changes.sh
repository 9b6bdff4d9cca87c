#!/usr/bin/env bash
# follow-changes.sh FOLDER: keeps active.txt in the folder: the object ids of all active users, one a line, sorted.
#
# Ends with 2, and changes nothing, when it could not be told. Each call brings it up to date with what has changed since the one before, so run it by a timer. Needs curl and jq, and in the
# environment SYNC_API, SYNC_DIRECTORY and SYNC_TOKEN as check-access.sh does.
set -euo pipefail

folder=${1:?expected a folder}
api=$SYNC_API/api/v1/directories/$SYNC_DIRECTORY

# get PATH FILE: the answer goes into the file; prints its status.
get() {
    curl --silent --show-error --max-time 30 --output "$2" --write-out '%{http_code}' \
        --header @<(printf 'Authorization: Bearer %s\n' "$SYNC_TOKEN") "$api/$1" || true
}

fail() {
    [[ ! -e $1 ]] || jq --raw-output '.detail' "$1" >&2 || true
    exit 2
}

scratch=$(mktemp -d "$folder/.following.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

read_everything() {
    # The cursor first. What is read afterwards may be ahead of it: the same changes come once more, and make no difference.
    [[ $(get changes "$scratch/feed") == 200 ]] || fail "$scratch/feed"
    jq --raw-output '.next_cursor' "$scratch/feed" >"$scratch/cursor"
    : >"$scratch/active"
    local path='users?status=active&fields=id&limit=1000' cursor
    while
        [[ $(get "$path" "$scratch/page") == 200 ]] || fail "$scratch/page"
        jq --raw-output '.items[].id' "$scratch/page" >>"$scratch/active"
        cursor=$(jq --raw-output '.next_cursor // empty' "$scratch/page")
        [[ -n $cursor ]]
    do
        path="users?status=active&fields=id&limit=1000&cursor=$cursor"
    done
}

follow() {
    local status more=true
    while [[ $more == true ]]; do
        status=$(get "changes?since=$(<"$scratch/cursor")&limit=1000" "$scratch/feed")
        # Too long ago, user sync was switched, or the file is damaged: from the beginning.
        if [[ $status == 410 || $status == 400 ]]; then
            jq --raw-output '.detail' "$scratch/feed" >&2 || true
            read_everything
            return
        fi
        [[ $status == 200 ]] || fail "$scratch/feed"
        jq --raw-output '.items[] | select(.user) | "\(if .status == "active" then "+" else "-" end) \(.user)"' \
            "$scratch/feed" >>"$scratch/changes"
        jq --raw-output '.next_cursor' "$scratch/feed" >"$scratch/cursor"
        more=$(jq '.more' "$scratch/feed")
    done
    # Of several changes of one user the last one counts.
    awk 'NR == FNR { active[$1] = 1; next } $1 == "+" { active[$2] = 1 } $1 == "-" { delete active[$2] }
        END { for (user in active) print user }' "$scratch/active" "$scratch/changes" >"$scratch/after"
    mv "$scratch/after" "$scratch/active"
}

if [[ -e $folder/cursor && -e $folder/active.txt ]]; then
    cp "$folder/cursor" "$scratch/cursor"
    cp "$folder/active.txt" "$scratch/active"
    : >"$scratch/changes"
    follow
else
    read_everything
fi
sort --unique "$scratch/active" >"$scratch/active.txt"
# The list before its cursor: cut off in between, the same changes are made once more, which changes nothing.
mv "$scratch/active.txt" "$folder/active.txt"
mv "$scratch/cursor" "$folder/cursor"
wc -l <"$folder/active.txt"

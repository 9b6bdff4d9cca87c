#!/usr/bin/env bash
# check-access.sh USER [GROUP]: succeeds when the user is active, and directly in the group if one is named by its object id.
#
# Needs curl and jq, and in the environment:
#   SYNC_API        where the API is, such as https://sync.example.com
#   SYNC_DIRECTORY  the tenant's id
#   SYNC_TOKEN      an API token of scope read
#
# Ends with 0 to let in, 1 to keep out, and 2 when it could not be told, which is no reason to let anybody in.
set -euo pipefail

user=${1:?expected a user: an object id, sign-in name or mail address}
group=${2:-}

# The name goes into the query, which arrives as it was sent, whatever characters it has.
url=$SYNC_API/api/v1/directories/$SYNC_DIRECTORY/access
query=(--get --data-urlencode "user=$user")
[[ -z $group ]] || query+=(--data-urlencode "group=$group")

# The token goes by a file, since other users of the machine can read command lines.
answer=$(curl --silent --show-error --max-time 10 --write-out '\n%{http_code}' "${query[@]}" \
    --header @<(printf 'Authorization: Bearer %s\n' "$SYNC_TOKEN") "$url") || exit 2
status=${answer##*$'\n'}
body=${answer%$'\n'*}

case $status in
200)
    jq --raw-output '"\(.user) is \(.status)\(if .reason then " (\(.reason))" else "" end)\(
        if .member == null then "" elif .member then ", and in the group" else ", and not in the group" end)"' <<<"$body"
    [[ $(jq '.allowed' <<<"$body") == true ]] || exit 1
    ;;
404)
    # Not so for a directory that is not there, or does not publish users: that tells nothing of the user.
    if [[ $(jq --raw-output '.type' <<<"$body") != *:user-not-found ]]; then
        jq --raw-output '.detail' <<<"$body" >&2 || printf '%s\n' "$body" >&2
        exit 2
    fi
    echo "there is no user $user"
    exit 1
    ;;
*)
    jq --raw-output '.detail' <<<"$body" >&2 || printf '%s\n' "$body" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# authorized-keys.sh LOGIN: prints somebody's public keys as long as they are active and in the group that may use SSH.
#
# For sshd_config:
#   AuthorizedKeysCommand /usr/local/lib/office365-sync/authorized-keys.sh %u
#   AuthorizedKeysCommandUser office365-sync
#   AuthorizedKeysFile none
#
# Reads /etc/office365-sync.env (or the file that OFFICE365_SYNC_ENV names), which only the command's user may read:
#   SYNC_API, SYNC_DIRECTORY, SYNC_TOKEN  as for check-access.sh
#   SSH_GROUP   the object id of the group
#   SSH_DOMAIN  what a login is completed with to the sign-in name, such as example.com
#   SSH_KEYS    a folder with a file of public keys for each login
set -euo pipefail

login=${1:?expected a login}
set -a
# shellcheck source=/dev/null
source "${OFFICE365_SYNC_ENV:-/etc/office365-sync.env}"
set +a

# A login names a file below.
[[ $login =~ ^[a-z_][a-z0-9_.-]*$ ]] || exit 0
[[ -r $SSH_KEYS/$login ]] || exit 0

# When it cannot be told, nobody gets in: keep another way in for that case, such as a console.
"$(dirname "$0")/check-access.sh" "$login@$SSH_DOMAIN" "$SSH_GROUP" >/dev/null || exit 0
cat "$SSH_KEYS/$login"

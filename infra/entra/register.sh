#!/usr/bin/env bash
# Registers the application with Microsoft Entra ID, or brings its registration up to date. Run again, it changes nothing.
#
#   register.sh --redirect-uri https://…/oauth/callback [options]
#
#   --redirect-uri URI         the output RedirectUri of the stack; may be given more than once. Those there already stay
#   --name NAME                of the application, by default "Office 365 Sync"; one of this name is brought up to date
#   --multitenant              accounts of any organization may authorize, not only those of this tenant
#   --hidden-members           also ask to see groups with hidden membership
#   --operator                 also make the app role Sync.Operator, for those who operate many tenants. Once made, it stays
#   --secret-to-aws NAME       make a client secret of a year and put it into this secret of AWS Secrets Manager
#   --certificate FILE         add a certificate (PEM, without its private key)
#   --federate ISSUER ROLE     trust tokens that AWS issues to a role: its account's issuer, the role's ARN; may be given twice (experimental)
#   --grant-admin-consent      consent for the whole tenant
#   --cloud NAME               global (also US GCC), usgov, dod or china, by default global
#   --dry-run                  say what would be done, and do nothing
#
# Needs the Azure CLI, signed in (az login) with an account that may register applications.
# Source of the commands: Microsoft, "az ad app", "az ad sp".
set -euo pipefail

readonly graph=00000003-0000-0000-c000-000000000000
# The roles keep their ids, so that people keep them.
readonly admin_role=5f1c0a2e-6f0e-4c0b-9d57-0f6a0b7b1a01 read_role=5f1c0a2e-6f0e-4c0b-9d57-0f6a0b7b1a02
readonly operator_role=5f1c0a2e-6f0e-4c0b-9d57-0f6a0b7b1a03

stop() {
    printf 'register.sh: %s\n' "$@" >&2
    exit 1
}

name="Office 365 Sync" audience=AzureADMyOrg cloud=global
dry_run="" secret="" certificate="" consent="" operator=""
redirect_uris=() issuers=() subjects=()
scopes=(openid profile offline_access User.Read.All GroupMember.Read.All)
while (($#)); do
    case $1 in
    --redirect-uri) redirect_uris+=("${2:?--redirect-uri: expected a URI}") && shift 2 ;;
    --name) name=${2:?--name: expected a name} && shift 2 ;;
    --multitenant) audience=AzureADMultipleOrgs && shift ;;
    --hidden-members) scopes+=(Member.Read.Hidden) && shift ;;
    --operator) operator=yes && shift ;;
    --secret-to-aws) secret=${2:?--secret-to-aws: expected the name of a secret} && shift 2 ;;
    --certificate) certificate=${2:?--certificate: expected a file} && shift 2 ;;
    --federate)
        issuers+=("${2:?--federate: expected an issuer and a role}") subjects+=("${3:?--federate: expected a role after the issuer}")
        shift 3
        ;;
    --grant-admin-consent) consent=yes && shift ;;
    --cloud) cloud=${2:?--cloud: expected global, usgov, dod or china} && shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    --help | -h) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p}' "$0" && exit ;;
    *) stop "$1 is no option; --help lists them" ;;
    esac
done

# Source: Microsoft identity platform, "National clouds"; "Workload identity federation" (audiences).
case $cloud in
global) azure=AzureCloud login=https://login.microsoftonline.com graph_url=https://graph.microsoft.com exchange=api://AzureADTokenExchange ;;
usgov) azure=AzureUSGovernment login=https://login.microsoftonline.us graph_url=https://graph.microsoft.us exchange=api://AzureADTokenExchangeUSGov ;;
dod) azure=AzureUSGovernment login=https://login.microsoftonline.us graph_url=https://dod-graph.microsoft.us exchange=api://AzureADTokenExchangeUSGov ;;
china) azure=AzureChinaCloud login=https://login.partner.microsoftonline.cn graph_url=https://microsoftgraph.chinacloudapi.cn exchange=api://AzureADTokenExchangeChina ;;
*) stop "--cloud: expected global, usgov, dod or china" ;;
esac
((${#redirect_uris[@]})) || stop "--redirect-uri: expected the output RedirectUri of the stack, such as https://sync.example.com/oauth/callback"
for uri in "${redirect_uris[@]}"; do
    [[ $uri =~ ^https://[^/]+/oauth/callback$ || $uri =~ ^http://localhost(:[0-9]+)?/oauth/callback$ ]] ||
        stop "--redirect-uri: expected https://…/oauth/callback, not $uri"
done
[[ -z $certificate || -r $certificate ]] || stop "--certificate: $certificate cannot be read"
if [[ -n $certificate ]] && grep -q "PRIVATE KEY" "$certificate"; then
    stop "--certificate: $certificate has a private key in it, which is nobody's but ours: give the certificate alone"
fi
command -v az >/dev/null || stop "the Azure CLI is not there: https://learn.microsoft.com/cli/azure/install-azure-cli"
[[ -z $secret ]] || command -v aws >/dev/null || stop "--secret-to-aws needs the AWS CLI: https://docs.aws.amazon.com/cli/"
current=$(az cloud show --query name --output tsv)
[[ $current == "$azure" ]] || stop "the Azure CLI is set to $current; for --cloud $cloud: az cloud set --name $azure && az login"
tenant=$(az account show --query tenantId --output tsv) || stop "please sign in first: az login"

# Does something, or says that it would.
perform() {
    if [[ -n $dry_run ]]; then
        echo "would: ${*@Q}"
    else
        "$@"
    fi
}

# The permissions by their ids, which Microsoft's own entry in this tenant knows.
permissions=""
for scope in "${scopes[@]}"; do
    id=$(az ad sp show --id "$graph" --query "oauth2PermissionScopes[?value=='$scope'].id" --output tsv)
    [[ -n $id ]] || stop "Microsoft Graph has no permission $scope in this cloud"
    permissions+="${permissions:+,}{\"id\":\"$id\",\"type\":\"Scope\"}"
done
access="[{\"resourceAppId\":\"$graph\",\"resourceAccess\":[$permissions]}]"

mapfile -t found < <(az ad app list --display-name "$name" --query "[?displayName=='$name'].appId" --output tsv)
if ((${#found[@]} == 1)); then
    # Other stacks may be using what is there; and Microsoft takes no role away that people may have.
    mapfile -t registered < <(az ad app show --id "${found[0]}" --query "web.redirectUris" --output tsv)
    for uri in ${registered[@]+"${registered[@]}"}; do
        [[ " ${redirect_uris[*]} " == *" $uri "* ]] || { redirect_uris+=("$uri") && echo "The redirect URI $uri stays."; }
    done
    [[ -n $operator ]] ||
        operator=$(az ad app show --id "${found[0]}" --query "appRoles[?value=='Sync.Operator'].value" --output tsv)
fi

role() {
    printf '{"id":"%s","value":"%s","displayName":"%s","description":"%s","allowedMemberTypes":["User"],"isEnabled":true}' "$@"
}
roles="[$(role $admin_role Sync.Admin "Sync administrators" "Change settings on the Sync page")"
roles+=",$(role $read_role Sync.Read "Sync readers" "Look at the Sync page")"
[[ -z $operator ]] || roles+=",$(role $operator_role Sync.Operator "Sync operators" "See all tenants on the Sync page")"
roles+="]"

settings=(--sign-in-audience "$audience" --web-redirect-uris "${redirect_uris[@]}"
    --required-resource-accesses "$access" --app-roles "$roles")
case ${#found[@]} in
0)
    echo "Registering $name in tenant $tenant."
    if [[ -n $dry_run ]]; then
        perform az ad app create --display-name "$name" "${settings[@]}"
        app=00000000-0000-0000-0000-000000000000
    else
        app=$(az ad app create --display-name "$name" "${settings[@]}" --query appId --output tsv)
    fi
    ;;
1)
    app=${found[0]}
    echo "Bringing $name ($app) up to date in tenant $tenant."
    perform az ad app update --id "$app" "${settings[@]}"
    ;;
*) stop "there are ${#found[@]} applications named $name; give each a name of its own, or choose another with --name" ;;
esac
[[ -n $(az ad sp list --filter "appId eq '$app'" --query "[].id" --output tsv) ]] || perform az ad sp create --id "$app" --output none
# Only who is given a role gets in, and only they can authorize the sync.
perform az ad sp update --id "$app" --set appRoleAssignmentRequired=true --output none

if [[ -n $certificate ]]; then
    perform az ad app credential reset --id "$app" --append --cert "@$certificate" --output none --only-show-errors
fi
for at in "${!issuers[@]}"; do
    credential="aws-$(printf %s "${subjects[$at]##*/}" | tr -c 'A-Za-z0-9_-' '-')"
    known=$(az ad app federated-credential list --id "$app" --query "[?name=='$credential'].name" --output tsv 2>/dev/null || true)
    [[ -z $known ]] || continue
    perform az ad app federated-credential create --id "$app" --output none --parameters \
        "{\"name\":\"$credential\",\"issuer\":\"${issuers[$at]}\",\"subject\":\"${subjects[$at]}\",\"audiences\":[\"$exchange\"]}"
done
if [[ -n $secret && -n $dry_run ]]; then
    echo "would: make a client secret and put it into $secret"
elif [[ -n $secret ]]; then
    # From one program to the other: on no screen, in no history, file or list of processes.
    az ad app credential reset --id "$app" --append --display-name "office365-sync $(date +%F)" --years 1 \
        --query password --output tsv --only-show-errors | tr -d '\n' |
        aws secretsmanager put-secret-value --secret-id "$secret" --secret-string file:///dev/stdin --query Name --output text
    echo "It ends on $(date -d '+1 year' +%F): the stack's parameter ClientSecretExpires."
fi
if [[ -n $consent ]]; then
    perform az ad app permission admin-consent --id "$app"
fi

cat <<END

For the stack:
  ClientId        $app
  AllowedTenants  $tenant
  AuthorityTenant $([[ $audience == AzureADMyOrg ]] && echo "$tenant" || echo organizations)
  LoginUrl        $login
  GraphUrl        $graph_url

What is left: give people the app roles (README.md)$([[ -n $consent ]] || echo ", and consent for the tenant (--grant-admin-consent)").
END

# The application as it is registered with Microsoft Entra ID. No client secret is made here: it would stay in Terraform's state for
# everybody to read who may read that. Make it by hand or by ../register.sh --secret-to-aws, or use a certificate.

locals {
  # Microsoft identity platform, "National clouds"; "Workload identity federation" (audiences).
  clouds = {
    global = { environment = "global", login = "https://login.microsoftonline.com", graph = "https://graph.microsoft.com", audience = "api://AzureADTokenExchange" }
    usgov  = { environment = "usgovernmentl4", login = "https://login.microsoftonline.us", graph = "https://graph.microsoft.us", audience = "api://AzureADTokenExchangeUSGov" }
    dod    = { environment = "usgovernmentl5", login = "https://login.microsoftonline.us", graph = "https://dod-graph.microsoft.us", audience = "api://AzureADTokenExchangeUSGov" }
    china  = { environment = "china", login = "https://login.partner.microsoftonline.cn", graph = "https://microsoftgraph.chinacloudapi.cn", audience = "api://AzureADTokenExchangeChina" }
  }

  scopes = concat(
    ["openid", "profile", "offline_access", "User.Read.All", "GroupMember.Read.All"],
    var.hidden_members ? ["Member.Read.Hidden"] : [],
  )

  # The roles keep their ids, so that people keep them; they are those of ../register.sh.
  roles = merge(
    {
      "Sync.Admin" = { id = "5f1c0a2e-6f0e-4c0b-9d57-0f6a0b7b1a01", name = "Sync administrators", description = "Change settings on the Sync page" }
      "Sync.Read"  = { id = "5f1c0a2e-6f0e-4c0b-9d57-0f6a0b7b1a02", name = "Sync readers", description = "Look at the Sync page" }
    },
    var.operator ? {
      "Sync.Operator" = { id = "5f1c0a2e-6f0e-4c0b-9d57-0f6a0b7b1a03", name = "Sync operators", description = "See all tenants on the Sync page" }
    } : {},
  )
}

data "azuread_application_published_app_ids" "known" {}

data "azuread_service_principal" "graph" {
  client_id = data.azuread_application_published_app_ids.known.result["MicrosoftGraph"]
}

resource "azuread_application" "sync" {
  display_name     = var.name
  sign_in_audience = var.multitenant ? "AzureADMultipleOrgs" : "AzureADMyOrg"

  # With another platform than "web", Microsoft issues refresh tokens that end after a day.
  web {
    redirect_uris = var.redirect_uris
  }

  required_resource_access {
    resource_app_id = data.azuread_service_principal.graph.client_id

    dynamic "resource_access" {
      for_each = local.scopes
      content {
        id   = data.azuread_service_principal.graph.oauth2_permission_scope_ids[resource_access.value]
        type = "Scope"
      }
    }
  }

  dynamic "app_role" {
    for_each = local.roles
    content {
      id                   = app_role.value.id
      value                = app_role.key
      display_name         = app_role.value.name
      description          = app_role.value.description
      allowed_member_types = ["User"]
    }
  }
}

resource "azuread_service_principal" "sync" {
  client_id = azuread_application.sync.client_id

  # Only who is given a role gets in, and only they can authorize the sync.
  app_role_assignment_required = true
}

resource "azuread_application_certificate" "sync" {
  count          = var.certificate == null ? 0 : 1
  application_id = azuread_application.sync.id
  type           = "AsymmetricX509Cert"
  encoding       = "pem"
  value          = var.certificate
  end_date       = var.certificate_ends
}

resource "azuread_application_federated_identity_credential" "aws" {
  for_each       = var.federation == null ? {} : var.federation.roles
  application_id = azuread_application.sync.id
  display_name   = "aws-${each.key}"
  issuer         = var.federation.issuer
  subject        = each.value
  audiences      = [local.clouds[var.cloud].audience]
}

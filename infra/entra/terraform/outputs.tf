# The parameters of the stack, by their names.

output "ClientId" {
  value = azuread_application.sync.client_id
}

output "AllowedTenants" {
  value = var.tenant_id
}

output "AuthorityTenant" {
  value = var.multitenant ? "organizations" : var.tenant_id
}

output "LoginUrl" {
  value = local.clouds[var.cloud].login
}

output "GraphUrl" {
  value = local.clouds[var.cloud].graph
}

output "FederationAudience" {
  value = local.clouds[var.cloud].audience
}

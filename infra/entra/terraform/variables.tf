variable "tenant_id" {
  description = "The tenant that the application is registered in."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.tenant_id))
    error_message = "Expected a tenant id such as 00000000-0000-0000-0000-000000000000."
  }
}

variable "cloud" {
  description = "Microsoft's cloud: global (also US GCC), usgov (GCC High), dod or china."
  type        = string
  default     = "global"

  validation {
    condition     = contains(["global", "usgov", "dod", "china"], var.cloud)
    error_message = "Expected global, usgov, dod or china."
  }
}

variable "redirect_uris" {
  description = "The output RedirectUri of each stack that uses this registration."
  type        = set(string)

  validation {
    condition     = length(var.redirect_uris) > 0 && alltrue([for uri in var.redirect_uris : can(regex("^https://[^/]+/oauth/callback$", uri))])
    error_message = "Expected at least one https://…/oauth/callback."
  }
}

variable "name" {
  description = "What administrators see when they consent."
  type        = string
  default     = "Office 365 Sync"
}

variable "multitenant" {
  description = "Whether accounts of any organization may authorize, not only those of this tenant."
  type        = bool
  default     = false
}

variable "hidden_members" {
  description = "Whether to ask to see groups with hidden membership."
  type        = bool
  default     = false
}

variable "operator" {
  description = "Whether there is the app role Sync.Operator, for those who operate many tenants."
  type        = bool
  default     = false
}

variable "certificate" {
  description = "A certificate as PEM, without its private key; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.certificate == null || !can(regex("PRIVATE KEY", var.certificate))
    error_message = "Expected the certificate alone: what Terraform is given stays in its state."
  }
}

variable "certificate_ends" {
  description = "When the certificate ends, such as 2027-06-30T00:00:00Z."
  type        = string
  default     = null
}

variable "federation" {
  description = "Experimental: the issuer of the AWS account, and the ARNs of the roles whose tokens are trusted (outputs OauthRoleArn and SyncRoleArn)."
  type        = object({ issuer = string, roles = map(string) })
  default     = null
}

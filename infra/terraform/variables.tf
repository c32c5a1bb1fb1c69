# One variable for each parameter of the template. Null, the default, leaves the parameter at the template's own default.
# The patterns are the template's, so that a wrong value fails in the plan.

variable "name" {
  description = "Name of the stack, for gc-usage --stack. Glue does not support capital letters: set database_name if it has any."
  type        = string
  default     = "gc-usage"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,127}$", var.name))
    error_message = "A stack's name begins with a letter and contains only letters, digits and hyphens."
  }
}

variable "template_body" {
  description = "The template: file() of what `gc-usage aws template --compact` printed."
  type        = string

  validation {
    condition     = length(var.template_body) <= 51200 && can(regex("gc-usage: ", var.template_body))
    error_message = "Pass the output of `gc-usage aws template --compact`. CloudFormation accepts at most 51,200 bytes."
  }
}

variable "tags" {
  description = "Tags of the stack and its resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "iam_role_arn" {
  description = "ARN of the role with which CloudFormation creates the resources."
  type        = string
  default     = null
}

variable "first_day" {
  description = "The first day in the table usage. Queries do not see earlier days. Each later day costs a LIST request in a query without dates. The default is before all data of the jobs service, which began on 2025-03-31. The legacy service reaches back to 2018-01-01."
  type        = string
  default     = null

  validation {
    condition     = var.first_day == null || can(regex("^(20[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-9])))$", var.first_day))
    error_message = "Invalid first_day (expected a day such as 2025-01-01)."
  }
}

variable "organizations" {
  description = "For several organizations, the names of their lakes. Each lake is a folder of the bucket, s3://BUCKET/NAME, and the tables have a column organization. If null, the bucket is the lake of one organization."
  type        = list(string)
  default     = null

  validation {
    condition     = var.organizations == null || can(regex("^(|[A-Za-z0-9][A-Za-z0-9._-]{0,62}(,[A-Za-z0-9][A-Za-z0-9._-]{0,62})*)$", join(",", var.organizations)))
    error_message = "Invalid organizations (expected names of folders, for example [\"acme\", \"globex\"])."
  }
}

variable "scan_limit_bytes" {
  description = "Athena stops a query that scans more bytes than this. 10 GB cost about 5 US cents."
  type        = number
  default     = null

  validation {
    condition     = var.scan_limit_bytes == null || try(var.scan_limit_bytes >= 10000000, false)
    error_message = "Invalid scan_limit_bytes (expected at least 10000000)."
  }
}

variable "results_expire_days" {
  description = "Delete query results after this many days."
  type        = number
  default     = null

  validation {
    condition     = var.results_expire_days == null || try(var.results_expire_days >= 1 && var.results_expire_days <= 365, false)
    error_message = "Invalid results_expire_days (expected 1 to 365)."
  }
}

variable "lake_bucket_name" {
  description = "Bucket of the data. Bucket names are unique worldwide, so CloudFormation creates one if this is null."
  type        = string
  default     = null

  validation {
    condition     = var.lake_bucket_name == null || can(regex("^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$", var.lake_bucket_name))
    error_message = "Invalid lake_bucket_name (expected a match of [a-z0-9][a-z0-9.-]{1,61}[a-z0-9])."
  }
}

variable "results_bucket_name" {
  description = "Bucket for Athena's results."
  type        = string
  default     = null

  validation {
    condition     = var.results_bucket_name == null || can(regex("^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$", var.results_bucket_name))
    error_message = "Invalid results_bucket_name (expected a match of [a-z0-9][a-z0-9.-]{1,61}[a-z0-9])."
  }
}

variable "database_name" {
  description = "Glue database. Glue does not support capital letters, so set this if the stack's name has any. The blueprint's database is genesysclouddb."
  type        = string
  default     = null

  validation {
    condition     = var.database_name == null || can(regex("^(|[a-z_][a-z0-9_]{0,127})$", var.database_name))
    error_message = "Invalid database_name (expected a match of [a-z_][a-z0-9_]{0,127})."
  }
}

variable "crawler_name" {
  description = "Glue crawler. The blueprint uses UsageApiCrawler."
  type        = string
  default     = null

  validation {
    condition     = var.crawler_name == null || can(regex("^(|[A-Za-z0-9_-]{1,128})$", var.crawler_name))
    error_message = "Invalid crawler_name (expected a match of [A-Za-z0-9_-]{1,128})."
  }
}

variable "work_group_name" {
  description = "Athena workgroup. The blueprint uses UsageAPIWorkgroup."
  type        = string
  default     = null

  validation {
    condition     = var.work_group_name == null || can(regex("^(|[A-Za-z0-9._-]{1,128})$", var.work_group_name))
    error_message = "Invalid work_group_name (expected a match of [A-Za-z0-9._-]{1,128})."
  }
}

variable "existing_lake_bucket" {
  description = "Bucket to use as the lake instead of a new one. The stack does not change its settings or its bucket policy, and never deletes it."
  type        = string
  default     = null

  validation {
    condition     = var.existing_lake_bucket == null || can(regex("^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$", var.existing_lake_bucket))
    error_message = "Invalid existing_lake_bucket (expected a match of [a-z0-9][a-z0-9.-]{1,61}[a-z0-9])."
  }
}

variable "lake_prefix" {
  description = "Folder of the lake in the bucket, for example team/usage/."
  type        = string
  default     = null

  validation {
    condition     = var.lake_prefix == null || can(regex("^(|([A-Za-z0-9][A-Za-z0-9._-]*/){1,3})$", var.lake_prefix))
    error_message = "Invalid lake_prefix (expected one to three folders, each followed by a slash, for example team/usage/)."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of the crawler's role."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^(|arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+)$", var.permissions_boundary))
    error_message = "Invalid permissions_boundary (expected the ARN of a managed policy)."
  }
}

variable "role_path" {
  description = "IAM path of the role and the policies. A change replaces them, so detach the policies first."
  type        = string
  default     = null

  validation {
    condition     = var.role_path == null || can(regex("^(|/([!-.0-~]+/)+)$", var.role_path))
    error_message = "Invalid role_path (expected a path that begins and ends with a slash, for example /teams/usage/)."
  }
}

variable "kms_key_arn" {
  description = "KMS key of both buckets and of the query results. If null, S3's own keys are used."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^(|arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)$", var.kms_key_arn))
    error_message = "Invalid kms_key_arn (expected the ARN of a key, not of an alias)."
  }
}

variable "catalog_kms_key_arn" {
  description = "KMS key of the account's Glue Data Catalog, if it is encrypted. The policies then allow its use."
  type        = string
  default     = null

  validation {
    condition     = var.catalog_kms_key_arn == null || can(regex("^(|arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)$", var.catalog_kms_key_arn))
    error_message = "Invalid catalog_kms_key_arn (expected the ARN of a key, not of an alias)."
  }
}

variable "access_log_bucket" {
  description = "Bucket for the access logs of both buckets. Its policy must allow logging.s3.amazonaws.com to write."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket == null || can(regex("^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$", var.access_log_bucket))
    error_message = "Invalid access_log_bucket (expected a match of [a-z0-9][a-z0-9.-]{1,61}[a-z0-9])."
  }
}

variable "vpc_endpoints" {
  description = "S3 endpoints of your VPCs. The lake's data can then be read and written only through them, by Athena, and by the crawler."
  type        = list(string)
  default     = null

  validation {
    condition     = var.vpc_endpoints == null || can(regex("^(|vpce-[0-9a-f]+(,vpce-[0-9a-f]+)*)$", join(",", var.vpc_endpoints)))
    error_message = "Invalid vpc_endpoints (expected ids, for example [\"vpce-0123456789abcdef0\"])."
  }
}

variable "reader_accounts" {
  description = "Other accounts, or their roles, that may read the lake's objects."
  type        = list(string)
  default     = null

  validation {
    condition     = var.reader_accounts == null || can(regex("^(|([0-9]{12}|arn:[a-z-]+:iam::[0-9]{12}:[^, ]+)(,([0-9]{12}|arn:[a-z-]+:iam::[0-9]{12}:[^, ]+))*)$", join(",", var.reader_accounts)))
    error_message = "Invalid reader_accounts (expected account ids, or ARNs of roles and users)."
  }
}

variable "lake_formation" {
  description = "Grant permissions in Lake Formation, too. Necessary if it controls the account's new databases."
  type        = bool
  default     = null
}

variable "lake_formation_reader" {
  description = "ARN of the role, user or group that Lake Formation lets query. If null, everyone in the account with the reader policy."
  type        = string
  default     = null

  validation {
    condition     = var.lake_formation_reader == null || can(regex("^(|arn:.+)$", var.lake_formation_reader))
    error_message = "Invalid lake_formation_reader (expected a match of arn:.+)."
  }
}

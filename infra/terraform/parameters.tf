locals {
  settings = {
    FirstDay            = var.first_day
    Organizations       = try(join(",", var.organizations), null)
    ScanLimitBytes      = try(tostring(var.scan_limit_bytes), null)
    ResultsExpireDays   = try(tostring(var.results_expire_days), null)
    LakeBucketName      = var.lake_bucket_name
    ResultsBucketName   = var.results_bucket_name
    DatabaseName        = var.database_name
    CrawlerName         = var.crawler_name
    WorkGroupName       = var.work_group_name
    ExistingLakeBucket  = var.existing_lake_bucket
    LakePrefix          = var.lake_prefix
    PermissionsBoundary = var.permissions_boundary
    RolePath            = var.role_path
    KmsKeyArn           = var.kms_key_arn
    CatalogKmsKeyArn    = var.catalog_kms_key_arn
    AccessLogBucket     = var.access_log_bucket
    VpcEndpoints        = try(join(",", var.vpc_endpoints), null)
    ReaderAccounts      = try(join(",", var.reader_accounts), null)
    LakeFormation       = try(var.lake_formation ? "yes" : "no", null)
    LakeFormationReader = var.lake_formation_reader
  }

  # A parameter that is left out has the template's default.
  parameters = { for name, value in local.settings : name => value if value != null }
}

output "lake_uri" {
  description = "Lake, for gc-usage --lake."
  value       = aws_cloudformation_stack.gc_usage.outputs["LakeUri"]
}

output "lake_bucket" {
  description = "Bucket of the lake."
  value       = aws_cloudformation_stack.gc_usage.outputs["LakeBucket"]
}

output "source_uri" {
  description = "Where step 5 of the article uploads to, followed by granularity=month/ (or day/, week/)."
  value       = aws_cloudformation_stack.gc_usage.outputs["SourceUri"]
}

output "results_bucket" {
  description = "Bucket of Athena's results."
  value       = aws_cloudformation_stack.gc_usage.outputs["ResultsBucket"]
}

output "database" {
  description = "Glue database of the tables."
  value       = aws_cloudformation_stack.gc_usage.outputs["Database"]
}

output "crawler" {
  description = "Glue crawler of the raw rows."
  value       = aws_cloudformation_stack.gc_usage.outputs["Crawler"]
}

output "work_group" {
  description = "Athena workgroup."
  value       = aws_cloudformation_stack.gc_usage.outputs["WorkGroup"]
}

output "first_day" {
  description = "First day in the table usage. To change it, deploy with another FirstDay."
  value       = aws_cloudformation_stack.gc_usage.outputs["FirstDay"]
}

output "organizations" {
  description = "The organizations' lakes, which are folders of the bucket. Null without one."
  value       = lookup(aws_cloudformation_stack.gc_usage.outputs, "Organizations", null)
}

output "lake_bucket_owner" {
  description = "Account of the lake's bucket. gc-usage reads and writes no other account's bucket of that name. Null without one."
  value       = lookup(aws_cloudformation_stack.gc_usage.outputs, "LakeBucketOwner", null)
}

output "kms_key_arn" {
  description = "KMS key of both buckets. Null without one."
  value       = lookup(aws_cloudformation_stack.gc_usage.outputs, "KmsKeyArn", null)
}

output "region" {
  description = "Region of the stack."
  value       = aws_cloudformation_stack.gc_usage.outputs["Region"]
}

output "loader_policy_arn" {
  description = "Policy for people and jobs that run gc-usage sync and upload."
  value       = aws_cloudformation_stack.gc_usage.outputs["LoaderPolicyArn"]
}

output "reader_policy_arn" {
  description = "Policy for people and jobs that run gc-usage ask and sql."
  value       = aws_cloudformation_stack.gc_usage.outputs["ReaderPolicyArn"]
}

output "crawler_role_arn" {
  description = "The role with which Glue reads the raw rows. If you restrict the lake's bucket, allow this role."
  value       = aws_cloudformation_stack.gc_usage.outputs["CrawlerRoleArn"]
}

output "console_url" {
  description = "Athena's query editor. Choose the workgroup there."
  value       = aws_cloudformation_stack.gc_usage.outputs["ConsoleUrl"]
}

output "upload_command" {
  description = "Step 5 of the article for this stack."
  value       = aws_cloudformation_stack.gc_usage.outputs["UploadCommand"]
}

output "crawl_command" {
  description = "Step 6 of the article for this stack."
  value       = aws_cloudformation_stack.gc_usage.outputs["CrawlCommand"]
}

output "query_command" {
  description = "Step 7 of the article for this stack."
  value       = aws_cloudformation_stack.gc_usage.outputs["QueryCommand"]
}

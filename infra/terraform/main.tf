# The stack of `gc-usage aws deploy`. gc-usage finds it by its name, with --stack.
resource "aws_cloudformation_stack" "gc_usage" {
  name          = var.name
  template_body = var.template_body
  parameters    = local.parameters
  capabilities  = ["CAPABILITY_IAM"]
  iam_role_arn  = var.iam_role_arn
  tags          = var.tags
}

import { App, CfnOutput, Stack } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";

/** The stack of `gc-usage aws deploy` in a CDK app. */
const app = new App();
// No description: gc-usage recognizes its stacks by that of the template.
const stack = new Stack(app, "gc-usage");
const usage = new CfnInclude(stack, "Usage", {
  // Written by: gc-usage aws template --compact > usage-api.yaml
  templateFile: "usage-api.yaml",
  // Parameters that are not named here keep the template's defaults.
  parameters: { ResultsExpireDays: 14, RolePath: "/teams/usage/" },
});

// The app can use the template's resources.
new CfnOutput(stack, "ReaderPolicyForTheApp", { value: usage.getResource("ReaderPolicy").ref });
app.synth();

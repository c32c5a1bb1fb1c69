import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { shellWord } from "../../support/quote.ts";
import { type Job, jobMark, markedJob, onClock } from "./job.ts";
import { type InstalledJob, type Machine, readIfThere, type Scheduler, withFiles } from "./scheduler.ts";

/** A workflow of GitHub Actions, in the repository of the current folder. */
export const GITHUB: Scheduler = {
  format: "github",
  print: (job) => workflow(job),
  async install(job, machine) {
    const path = workflowPath(job.name, machine);
    if (path === undefined) {
      throw new GcUsageError("input", `${machine.folder} is not in a Git repository.`, {
        hint: "Run the command in your repository, or write the file yourself: gc-usage schedule --for github > gc-usage.yml",
      });
    }
    await withFiles({ [path]: workflow(job) }, () => Promise.resolve());
    return [
      "Commit and push it to the default branch: GitHub runs schedules only from there.",
      "In the repository's settings, add the secrets GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET, and the variables GENESYSCLOUD_REGION, AWS_REGION and AWS_ROLE_ARN.",
    ];
  },
  async remove(name, machine) {
    const path = workflowPath(name, machine);
    if (path === undefined || (await readIfThere(path)) === undefined) return false;
    await rm(path);
    return true;
  },
  async find(name, machine): Promise<InstalledJob | undefined> {
    const path = workflowPath(name, machine);
    const text = path === undefined ? undefined : await readIfThere(path);
    if (path === undefined || text === undefined) return undefined;
    return { format: "github", where: path, job: markedJob(text), reported: {} };
  },
};

function workflowPath(name: string, { folder }: Machine): string | undefined {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, ".git"))) return join(above, ".github", "workflows", `${name}.yml`);
    if (dirname(above) === above) return undefined;
  }
}

function workflow(job: Job): string {
  const { hour, minute } = onClock(job, "UTC", "GitHub Actions");
  // GitHub starts schedules late by itself, so a random delay would only cost minutes.
  const command = ["gc-usage", ...job.command].map(shellWord).join(" ");
  if (command.includes("${{")) {
    throw new GcUsageError(
      "input",
      `Cannot write ${quoted(command)} into a workflow: GitHub would evaluate \${{.`,
      {
        hint: "Rename the file, folder or bucket.",
      },
    );
  }
  const steps = [
    { uses: "actions/checkout@v5" },
    { uses: "actions/setup-node@v5", with: { "node-version": 22 } },
    { run: `npm install --global gc-usage@${job.version}` },
    {
      uses: "aws-actions/configure-aws-credentials@v5",
      with: { "role-to-assume": "${{ vars.AWS_ROLE_ARN }}", "aws-region": "${{ vars.AWS_REGION }}" },
    },
    {
      run: command,
      env: {
        GENESYSCLOUD_REGION: "${{ vars.GENESYSCLOUD_REGION }}",
        GENESYSCLOUD_OAUTHCLIENT_ID: "${{ secrets.GENESYSCLOUD_OAUTHCLIENT_ID }}",
        GENESYSCLOUD_OAUTHCLIENT_SECRET: "${{ secrets.GENESYSCLOUD_OAUTHCLIENT_SECRET }}",
        GC_USAGE_WEBHOOK: "${{ secrets.GC_USAGE_WEBHOOK }}",
      },
    },
  ];
  const content = {
    name: job.name,
    on: { schedule: [{ cron: `${minute} ${hour} * * *` }], workflow_dispatch: null },
    // For the role in AWS. Nothing is written to the repository.
    permissions: { contents: "read", "id-token": "write" },
    concurrency: { group: job.name, "cancel-in-progress": false },
    jobs: { nightly: { "runs-on": "ubuntu-latest", "timeout-minutes": 350, steps } },
  };
  return `# Written by \`gc-usage schedule --for github\`, and replaced by it. Contains no secrets: they are those of the repository.
# The time is UTC. GitHub starts schedules up to an hour late, and disables them after 60 days without a commit.
# ${jobMark(job)}
${stringify(content, { lineWidth: 0, nullStr: "" })}`;
}

/** The layers of ARCHITECTURE.md, as rules. */
/** @param {string} path @param {string[]} allowed */
const from = (path, allowed) => ({
  name: `layer-${path.replaceAll("/", "-")}`,
  severity: "error",
  comment: `src/${path} may import: ${allowed.join(", ") || "nothing of ours"}.`,
  from: { path: `^src/${path}/` },
  to: { path: "^src/", pathNot: `^src/(${[path, ...allowed].join("|")})/` },
});

const pure = ["usage", "support"];

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    from("support", []),
    from("usage", ["support"]),
    from("environment", ["support"]),
    from("genesys", ["environment", ...pure]),
    from("lake", ["environment", ...pure]),
    from("engine", [...pure, "environment", "lake"]),
    from("sync", ["genesys", "lake", "environment", ...pure]),
    from("questions", ["engine", ...pure]),
    from("insight", pure),
    from("aws", ["environment", ...pure]),
    // The tests compare the program with it, so it shares only the domain with the program.
    from("sandbox", pure),
    {
      name: "servers-use-the-library",
      severity: "error",
      comment:
        "What the page and the report show, and the servers for browsers and assistants, use the library like any other program, and the layers that are pure.",
      from: { path: "^src/(views|serve|mcp|metrics)/" },
      to: {
        path: "^src/",
        pathNot: "^src/(views|serve|mcp|metrics|insight|usage|support)/|^src/index\\.ts$",
      },
    },
    {
      name: "report-uses-the-library",
      severity: "error",
      comment: "The report uses the library and the page's pictures, but nothing that needs a browser.",
      from: { path: "^src/report/" },
      to: {
        path: "^src/",
        pathNot:
          "^src/(report|views|usage|support)/|^src/index\\.ts$|^src/page/(charts/|colors\\.ts$|format\\.ts$|parts/(legend|tiles)\\.tsx$)",
      },
    },
    {
      name: "views-know-no-server",
      severity: "error",
      from: { path: "^src/views/" },
      to: { path: "^src/serve/" },
    },
    {
      name: "cli-uses-the-library",
      severity: "error",
      comment:
        "The command line is the library's first user: it imports the package's entry points, and the layers without any behavior of a lake or of the API.",
      from: { path: "^src/cli/" },
      to: {
        path: "^src/",
        pathNot:
          "^src/(cli|usage|support|environment)/|^src/(index|aws/index|report/index|sandbox/sandbox|serve/serve|mcp/server|metrics/index|library/version)\\.ts$",
      },
    },
    {
      name: "lambda-uses-the-library",
      severity: "error",
      comment:
        "The nightly function is a program like the command line: it uses the entry points, and the layers that are pure.",
      from: { path: "^src/lambda/" },
      to: { path: "^src/", pathNot: "^src/(lambda|usage|support)/|^src/(index|aws/index)\\.ts$" },
    },
    {
      name: "library-knows-no-cli",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli/" },
      to: { path: "^src/cli/" },
    },
    {
      name: "aws-sdk-in-four-places",
      severity: "error",
      comment:
        "Only the S3 store, the Athena engine and the stack call AWS, with the identity that environment/ finds. A run on a laptop never loads the SDKs.",
      from: { path: "^src/", pathNot: "^src/(lake/s3|engine/athena|aws|environment)/" },
      to: { path: "node_modules/@aws-sdk" },
    },
    {
      name: "pure-stays-pure",
      severity: "error",
      comment: "usage, support and insight do not use files, the network or the process.",
      from: { path: "^src/(usage|support|insight)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-dev-dependency-in-src",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], pathNot: "node_modules/@types" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Its parser does not read TSX on Node 20. The layer rules of src/page are in .oxlintrc.json.
    exclude: { path: "\\.tsx$|^src/page/" },
    parser: "swc",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
    },
  },
};

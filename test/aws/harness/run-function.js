/**
 * Runs the nightly function as Lambda does: in a process of its own, with an event and a context, and reports what it returns or
 * throws on the last line of stdout. Reads its work as JSON from the first argument: the function's folder, the event, the time
 * that is left, and the moment that its clock shows.
 */
/** @type {{ folder: string, event: unknown, remainingMs: number, now: number }} */
const { folder, event, remainingMs, now } = JSON.parse(process.argv[2] ?? "{}");
const began = performance.now();
Date.now = () => now + (performance.now() - began);
const RealDate = Date;
class ShiftedDate extends RealDate {
  /** @param {unknown[]} args */
  constructor(...args) {
    super(.../** @type {[number]} */ (args.length === 0 ? [RealDate.now()] : args));
  }
}
globalThis.Date = /** @type {DateConstructor} */ (/** @type {unknown} */ (ShiftedDate));
/** @type {{ handler: (event: unknown, context: object) => Promise<unknown> }} */
const { handler } = await import(`${folder}/dist/lambda/handler.js`);
const context = {
  functionName: "nightly",
  functionVersion: "$LATEST",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:nightly-schedule",
  awsRequestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
  memoryLimitInMB: "1024",
  getRemainingTimeInMillis: () => remainingMs - (performance.now() - began),
};
const outcome = await handler(event, context).then(
  (/** @type {unknown} */ result) => ({ result }),
  (/** @type {Error} */ error) => ({ error: error.message, stack: error.stack }),
);
await new Promise((done) => process.stdout.write(`\n${JSON.stringify(outcome)}\n`, done));
// Lambda freezes the process, whatever it still waits for.
process.exit("error" in outcome ? 1 : 0);

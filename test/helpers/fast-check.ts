import fc from "fast-check";

// vitest's setup for each file: random values are the same for the same SEED.
fc.configureGlobal({ seed: Number(process.env["SEED"]) });

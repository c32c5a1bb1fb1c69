import fc from "fast-check";

// vitest's setup of each file: what is tried at random is the same for the same SEED.
fc.configureGlobal({ seed: Number(process.env["SEED"]) });

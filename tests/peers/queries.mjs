// Holds the queries against GitHub's published schema.
//   node queries.mjs FILE…
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const require = createRequire(resolve("package.json"));
const { buildSchema, parse, validate } = require("graphql");
// GitHub defines two fields of it twice.
const schema = buildSchema(readFileSync("node_modules/@octokit/graphql-schema/schema.graphql", "utf8"), { assumeValidSDL: true });

for (const file of process.argv.slice(2)) {
    const errors = validate(schema, parse(readFileSync(file, "utf8")));
    assert.deepEqual(errors.map(String), [], file);
    console.log(`${file} is fine`);
}

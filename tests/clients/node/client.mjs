// node-redis's vector set methods against the server at PORT, in protocol RESP: node client.mjs PORT RESP
import assert from "node:assert/strict";
import { createClient } from "redis";

const [port, RESP] = process.argv.slice(2).map(Number);
const client = createClient({ socket: { port, host: "127.0.0.1" }, RESP });
client.on("error", (error) => {
  throw error;
});
await client.connect();
await client.del(["k", "q", "r"]);

assert.equal(await client.vAdd("k", [1, 0, 0], "a"), true);
assert.equal(await client.vAdd("k", [0, 1, 0], "b", { CAS: true, EF: 50, SETATTR: { x: 1 } }), true);
assert.equal(await client.vAdd("k", [0, 1, 0], "a"), false);
assert.equal(await client.vAdd("k", [1, 0, 0], "a"), false);
assert.equal(await client.vAdd("q", [3, 4], "p", { QUANT: "NOQUANT", M: 8 }), true);
assert.equal(await client.vAdd("r", [1, 2, 3, 4], "p", { REDUCE: 2 }), true);

assert.equal(await client.vCard("k"), 2);
assert.equal(await client.vDim("r"), 2);
assert.deepEqual(await client.vEmb("q", "p"), [3, 4]);
const raw = await client.vEmbRaw("q", "p");
assert.equal(raw.quantization, "f32");
assert.equal(raw.l2Norm, 5);
if (RESP === 3) assert.equal(await client.vEmb("k", "missing"), null); // with RESP2 it trips over null

assert.deepEqual(await client.vSim("k", [1, 0, 0]), ["a", "b"]);
assert.deepEqual(await client.vSim("k", "b", { COUNT: 1, EF: 100 }), ["b"]);
assert.deepEqual(await client.vSim("k", "a", { FILTER: ".x == 1", "FILTER-EF": 50 }), ["b"]);
const scores = await client.vSimWithScores("k", [1, 0, 0], { TRUTH: true, NOTHREAD: true });
assert.deepEqual({ ...scores }, { a: 1, b: 0.5 });

assert.equal(await client.vSetAttr("k", "a", { y: 2 }), true);
assert.deepEqual(await client.vGetAttr("k", "a"), { y: 2 });
assert.equal(await client.vGetAttr("k", "missing"), null);

const info = await client.vInfo("k");
assert.equal(info["quant-type"], "int8");
assert.equal(info.size, 2);
assert.deepEqual((await client.vLinks("k", "a")).at(-1), ["b"]);
const layers = await client.vLinksWithScores("k", "a");
assert.equal(layers.at(-1).b, 0.5);
assert.ok(["a", "b"].includes(await client.vRandMember("k")));
assert.equal((await client.vRandMember("k", 5)).length, 2);
assert.equal(await client.vRem("k", "a"), true);
assert.equal(await client.vRem("k", "a"), false);
await assert.rejects(client.vDim("missing"), /key does not exist/);

await client.close();
console.log("all good");

// node-redis 4 (as tutorials have it) and 5: search over hashes and JSON. node search.mjs PORT
import assert from "node:assert/strict";
import { createClient, SCHEMA_FIELD_TYPE, SCHEMA_VECTOR_FIELD_ALGORITHM } from "redis";
import { createClient as createClient4, SchemaFieldTypes, VectorAlgorithms } from "redis4";

const port = Number(process.argv[2]);
const vectors = { a: [1, 0], b: [0.8, 0.6], c: [0, 1] };
const blob = (vector) => Buffer.from(new Float32Array(vector).buffer);

async function check(client, types, algorithms) {
  await client.flushAll();
  assert.equal(
    await client.ft.create(
      "idx:hash",
      {
        name: { type: types.TEXT, SORTABLE: true },
        kind: types.TAG,
        age: { type: types.NUMERIC, SORTABLE: true },
        v: { type: types.VECTOR, ALGORITHM: algorithms.HNSW, TYPE: "FLOAT32", DIM: 2, DISTANCE_METRIC: "COSINE" },
      },
      { ON: "HASH", PREFIX: "h:" },
    ),
    "OK",
  );
  await assert.rejects(client.ft.create("idx:hash", { name: types.TEXT }), /Index already exists/);
  for (const [key, vector] of Object.entries(vectors)) {
    await client.hSet(`h:${key}`, { name: `name ${key}`, kind: key < "c" ? "x" : "y", age: key.charCodeAt(0), v: blob(vector) });
  }
  const near = await client.ft.search("idx:hash", "*=>[KNN 2 @v $b AS d]", {
    PARAMS: { b: blob([1, 0]) }, SORTBY: "d", DIALECT: 2, RETURN: ["d", "name"],
  });
  assert.equal(near.total, 2);
  assert.deepEqual(near.documents.map((d) => d.id), ["h:a", "h:b"]);
  assert.equal(near.documents[0].value.name, "name a");
  assert.ok(Math.abs(Number(near.documents[0].value.d)) < 1e-6);
  const filtered = await client.ft.search("idx:hash", "(@kind:{y})=>[KNN 2 @v $b]", { PARAMS: { b: blob([1, 0]) }, DIALECT: 2 });
  assert.deepEqual(filtered.documents.map((d) => d.id), ["h:c"]);
  const groups = await client.ft.aggregate("idx:hash", "*", {
    STEPS: [{ type: "GROUPBY", properties: "@kind", REDUCE: [{ type: "COUNT", AS: "n" }] }, { type: "SORTBY", BY: "@kind" }],
  });
  assert.deepEqual(groups.results.map((g) => [g.kind, g.n]), [["x", "2"], ["y", "1"]]);
  assert.deepEqual(await client.ft._list(), ["idx:hash"]);

  await client.ft.create(
    "idx:json",
    { "$.name": { type: types.TEXT, AS: "name" }, "$.tags[*]": { type: types.TAG, AS: "tags" }, "$.v": { type: types.VECTOR, ALGORITHM: algorithms.FLAT, TYPE: "FLOAT32", DIM: 2, DISTANCE_METRIC: "L2", AS: "v" } },
    { ON: "JSON", PREFIX: "j:" },
  );
  for (const [key, vector] of Object.entries(vectors)) await client.json.set(`j:${key}`, "$", { name: `name ${key}`, tags: ["t", key], v: vector });
  const json = await client.ft.search("idx:json", "*=>[KNN 1 @v $b AS d]", { PARAMS: { b: blob([0, 1]) }, SORTBY: "d", DIALECT: 2 });
  assert.deepEqual(json.documents.map((d) => d.id), ["j:c"]);
  assert.equal((await client.ft.search("idx:json", "@tags:{b}")).documents[0].value.name, "name b");
  assert.equal(await client.ft.dropIndex("idx:json"), "OK");
  await client.quit();
}

const four = createClient4({ socket: { port, host: "127.0.0.1" } });
await four.connect();
await check(four, SchemaFieldTypes, VectorAlgorithms);
const five = createClient({ socket: { port, host: "127.0.0.1" } });
await five.connect();
await check(five, SCHEMA_FIELD_TYPE, SCHEMA_VECTOR_FIELD_ALGORITHM);
console.log("all good");

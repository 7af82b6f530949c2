// The real @memori.ai/memori-api-client, unchanged: makes a list of calls one after the other, and prints what each gave.

import client from "@memori.ai/memori-api-client";

const { url, calls } = JSON.parse(process.argv[2]);
const { backend } = client.default(url);
const answers = [];
for (const [method, ...args] of calls) {
  // What was left out of a call must not reach the client as null.
  const answer = backend[method](...args.map((arg) => arg ?? undefined));
  answers.push(await answer.then((value) => ({ value }), (error) => ({ thrown: `${error.name}: ${error.message}` })));
}
console.log(JSON.stringify(answers));

// The real @servicestack/client, unchanged: carries out a list of calls, one after the other, and prints what each gave.

import { JsonServiceClient } from "@servicestack/client";

// As ServiceStack's generator writes them: the types know their response, and those of "verbs" their method.
class AiChatUsageResponse {
  constructor(init) { Object.assign(this, init); }
}
class GetAiChatUsage {
  constructor(init) { Object.assign(this, init); }
  getTypeName() { return "GetAiChatUsage"; }
  getMethod() { return "GET"; }
  createResponse() { return new AiChatUsageResponse(); }
}
class RecordAiChatUsage {
  constructor(init) { Object.assign(this, init); }
  getTypeName() { return "RecordAiChatUsage"; }
  getMethod() { return "POST"; }
  createResponse() { return new AiChatUsageResponse(); }
}
// As the metadata page shows them: nothing but members.
const bare = {
  GetAiChatUsage: { GetAiChatUsage: class GetAiChatUsage { constructor(init) { Object.assign(this, init); } } }.GetAiChatUsage,
};
const types = { GetAiChatUsage, RecordAiChatUsage };

const { url, key, calls } = JSON.parse(process.argv[2]);

async function carryOut({ how, type, init, args, isBare, basePath, route, body, token = key }) {
  const client = new JsonServiceClient(url);
  client.bearerToken = token;
  if (basePath !== undefined) client.basePath = basePath;
  const request = type ? new (isBare ? bare[type] : types[type])(init) : undefined;
  try {
    if (how === "api") {
      const api = await client.api(request, args);
      return api.succeeded
        ? { response: api.response }
        : { error: api.error, field: api.errors[0]?.fieldName, code: api.errorCode };
    }
    if (how === "postToUrl") return { response: await client.postToUrl(route, request, args) };
    if (how === "postBody") return { response: await client.postBody(request, body, args) };
    if (how === "getUrl") return { response: await client.get(route, args) };
    return { response: await client[how](request, args) };
  } catch (error) {
    return { thrown: error.responseStatus ?? error.message };
  }
}

const answers = [];
for (const call of calls) answers.push(await carryOut(call));
console.log(JSON.stringify(answers));

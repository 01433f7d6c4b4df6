// What a program with the openai package of npm does; prints what it saw as JSON.
// Address and key are in the environment, as `lodestar shim env` puts them there.
import { createRequire } from "node:module";

const { default: OpenAI } = createRequire(`${process.cwd()}/`)("openai");
const messages = [{ role: "user", content: "say hello" }];
const parameters = {
  type: "object",
  properties: { a: { type: "integer" }, b: { type: "integer" } },
};
const tools = [{ type: "function", function: { name: "add", parameters } }];
let requests = 0;
const counted = (...asked) => {
  requests += 1;
  return fetch(...asked);
};
const client = new OpenAI({ fetch: counted });
const create = (more) => client.chat.completions.create({ model: "free", messages, ...more });
const counts = (usage) => [usage.prompt_tokens, usage.completion_tokens];

async function failure(act) {
  const before = requests;
  try {
    await act();
  } catch (error) {
    return {
      error: error.constructor.name,
      status: error.status,
      code: error.code,
      message: error.message,
      requests: requests - before,
    };
  }
  throw new Error("it was answered");
}

const scenarios = {
  async answer() {
    const said = await create({});
    return { text: said.choices[0].message.content, usage: counts(said.usage) };
  },
  async stream() {
    let [text, usage, pieces] = ["", null, 0];
    for await (const chunk of await create({
      stream: true,
      stream_options: { include_usage: true },
    })) {
      const piece = chunk.choices[0]?.delta.content;
      if (piece) pieces += 1;
      text += piece ?? "";
      usage = chunk.usage ?? usage;
    }
    return { text, usage: counts(usage), pieces };
  },
  async tool() {
    const { function: call } = (await create({ tools })).choices[0].message.tool_calls[0];
    return { name: call.name, arguments: JSON.parse(call.arguments) };
  },
  async tool_stream() {
    let [name, text] = ["", ""];
    for await (const chunk of await create({ tools, stream: true })) {
      for (const call of chunk.choices[0]?.delta.tool_calls ?? []) {
        name += call.function.name ?? "";
        text += call.function.arguments ?? "";
      }
    }
    return { name, arguments: JSON.parse(text) };
  },
  async models() {
    const names = [];
    for await (const model of await client.models.list()) names.push(model.id);
    return names.sort();
  },
  async wrong_token() {
    const stranger = new OpenAI({ fetch: counted, apiKey: "sk-of-somebody-else" });
    return failure(() => stranger.chat.completions.create({ model: "free", messages }));
  },
  unknown_model: () => failure(() => create({ model: "freee" })),
  refused: () => failure(() => create({ model: "paid" })),
  refused_stream: () => failure(() => create({ model: "paid", stream: true })),
};

const seen = {};
for (const name of process.argv.slice(2)) seen[name] = await scenarios[name]();
console.log(JSON.stringify(seen));

import { Effect } from "effect"
import { furrow, Scheduler, SeedPolicy, Pipeline, Dataset } from "../../src/index.ts"
import { ordinary, pipeline } from "./loads/w1.ts"
const mode=process.argv[2], N=Number(process.argv[3])
const one = Pipeline.from(Dataset.range(100000)).pipe(Pipeline.map("half", (x) => x / 2),Pipeline.batch(1))
const p:any = mode==="one"||mode==="oneawait"?one:mode!.startsWith("o")?ordinary():pipeline
const c=process.cpuUsage(); let n=0, b=0
if (mode!.endsWith("await")) { for await (const batch of furrow(p,{seed:1,epochs:N,lend:true} as any)) {n+=batch.size;b++} }
else await Effect.gen(function*(){ const loader=yield* Scheduler.open(p,{epochs:N}); yield* loader.forEach(({size}:any)=>{n+=size;b++;return Effect.void})}).pipe(Effect.scoped,Effect.provide(SeedPolicy.epochWorker({seed:1})) as any,Effect.runPromise as any)
const d=process.cpuUsage(c); console.log(mode, ((d.user+d.system)/b).toFixed(2),"us/batch", b)

import { Dataset, furrow, Pipeline } from "furrow"
for await (const b of furrow(Pipeline.from(Dataset.range(9)).pipe(Pipeline.batch(3)), { epochs: 1 })) console.log(b.size)

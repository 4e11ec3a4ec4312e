/** A program of its own: prints how many ms the import of the modules in its arguments takes, as one number. */
const urls = process.argv.slice(2)
const started = performance.now()
for (const url of urls) await import(url)
console.log(performance.now() - started)
process.exit(0)

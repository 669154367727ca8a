// A dog is a text, BREEDS~LATENT[~TRUNCATION]. This module reads, writes and combines such texts.

const LONGEST = 2000; // characters of a dog
const DEEPEST = 16; // nested expressions in a latent
const MOST_BREEDS = 4;
const LAST_SEED = 2n ** 63n - 1n;

const encoded = (folder) =>
  encodeURIComponent(folder).replace(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const rounded = (number) => String(Number(number.toFixed(3)));

/** Read the BREEDS of a dog: a list of {folder, weight}. */
export const readBreeds = (text) =>
  text.split(",").map((part) => {
    const [folder, weight = "1"] = part.split(":");
    return { folder: decodeURIComponent(folder), weight: Number(weight) };
  });

/** Write a list of {folder, weight} as BREEDS. Breeds whose weight rounds to 0 are left out unless `all`. */
export const writeBreeds = (breeds, all = false) => {
  const used = all ? breeds : breeds.filter(({ weight }) => Number(rounded(weight)) > 0);
  if (used.length === 1 && !all) return encoded(used[0].folder);
  return used.map(({ folder, weight }) => `${encoded(folder)}:${rounded(weight)}`).join(",");
};

/** Read a dog into {breeds, latent, truncation}. */
export const read = (dog) => {
  const [breeds, latent, truncation = ""] = dog.split("~");
  return { breeds: readBreeds(breeds), latent, truncation };
};

/** Write {breeds, latent, truncation} as a dog. `breeds` may be a folder. */
export const write = ({ breeds, latent, truncation = "" }) => {
  const text = typeof breeds === "string" ? encoded(breeds) : writeBreeds(breeds);
  return `${text}~${latent}${truncation ? `~${truncation}` : ""}`;
};

export const isSeed = (text) => /^[0-9]{1,19}$/.test(text) && BigInt(text) <= LAST_SEED;

/** Whether a text has the parts of a dog. The server checks the rest. */
export const isDog = (text) => {
  if (!/^[^~]+~[^~]+(~[0-9.]+)?$/.test(text)) return false;
  try {
    return Boolean(decodeURIComponent(text));
  } catch {
    return false;
  }
};

/** Return the seed `steps` after `seed`, as text. */
export const seedAfter = (seed, steps) => {
  const moved = BigInt(seed) + BigInt(steps);
  return String(moved < 0n ? 0n : moved > LAST_SEED ? LAST_SEED : moved);
};

const depth = (latent) => {
  let now = 0;
  return Math.max(0, ...[...latent].map((sign) => (sign === "(" ? ++now : sign === ")" ? --now : now)));
};

/** Why the server would refuse a dog for its length, or "". */
export const tooLong = (dog) =>
  dog.length > LONGEST || depth(read(dog).latent) > DEEPEST
    ? "This dog is too many steps away from a seed. Start again from a dog with a plain seed."
    : "";

/** Merge the breeds of some dogs by their shares. Without `mixes`, take those of the dog with the largest share. */
const merged = (dogs, shares, mixes) => {
  if (!mixes) return dogs[shares.indexOf(Math.max(...shares))].breeds;
  const weights = new Map();
  dogs.forEach(({ breeds }, place) => {
    const total = breeds.reduce((sum, { weight }) => sum + weight, 0) || 1;
    breeds.forEach(({ folder, weight }) => {
      weights.set(folder, (weights.get(folder) ?? 0) + (shares[place] * weight) / total);
    });
  });
  const all = [...weights].map(([folder, weight]) => ({ folder, weight }));
  return all.sort((one, other) => other.weight - one.weight).slice(0, MOST_BREEDS);
};

const sharedTruncation = (dogs) =>
  dogs.every(({ truncation }) => truncation === dogs[0].truncation) ? dogs[0].truncation : "";

/** Return child number `seed` of a dog: the same breeds, and a small step of the latent. */
export const child = (dog, seed, step = 0.3) => {
  const parent = read(dog);
  return write({ ...parent, latent: `child(${parent.latent},${seed},${step})` });
};

/** Return child number `seed` of two dogs. Without `mixes`, it has the breed of one of them. */
export const cross = (one, other, seed, mixes) => {
  const parents = [read(one), read(other)];
  const shares = mixes ? [0.5, 0.5] : BigInt(seed) % 2n ? [1, 0] : [0, 1];
  const latent = `cross(${parents[0].latent},${parents[1].latent},${seed})`;
  return write({ breeds: merged(parents, shares, mixes), latent, truncation: sharedTruncation(parents) });
};

/** Return the dog at `x` (0 left, 1 right) and `y` (0 top, 1 bottom) between four corners, given row by row. */
export const inside = (corners, x, y, mixes) => {
  const dogs = corners.map(read);
  const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  const row = (one, other) => `between(${dogs[one].latent},${dogs[other].latent},${rounded(x)})`;
  const latent = `between(${row(0, 1)},${row(2, 3)},${rounded(y)})`;
  return write({ breeds: merged(dogs, shares, mixes), latent, truncation: sharedTruncation(dogs) });
};

/** Return the name of a breed's folder for people: no WordNet id, spaces between words. */
export const breedName = (folder) => folder.replace(/^n[0-9]{8}-(?=.)/, "").replaceAll("_", " ");

const breedsText = (breeds) => {
  if (breeds.length === 1) return breedName(breeds[0].folder);
  const total = breeds.reduce((sum, { weight }) => sum + weight, 0) || 1;
  const share = (weight) => (weight < total / 200 ? "under 1" : Math.round((100 * weight) / total));
  const used = breeds.filter(({ weight }) => weight > 0);
  return used.map(({ folder, weight }) => `${share(weight)}\u00a0% ${breedName(folder)}`).join(", ");
};

const latentText = (latent) => {
  if (isSeed(latent)) return `seed ${latent}`;
  const steps = latent.match(/^(?:child\()+/)?.[0].length / "child(".length || 0;
  const rest = latent.slice(steps * "child(".length);
  const from = rest.startsWith("cross") ? "a child of two dogs" : rest.startsWith("between") ? "a dog between others" : "";
  const start = from || `seed ${rest.match(/^[0-9]+/)?.[0] ?? ""}`;
  return steps ? `${steps} ${steps === 1 ? "step" : "steps"} from ${start}` : start;
};

/** Describe a dog in a few words: {breeds, latent}. */
export const described = (dog) => {
  const { breeds, latent } = read(dog);
  return { breeds: breedsText(breeds), latent: latentText(latent) };
};

package org.posedistill.samples

import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.posedistill.pose.Decoder
import org.posedistill.pose.Letterbox
import org.posedistill.pose.ModelInfo
import org.posedistill.pose.PackedMetadata
import org.posedistill.pose.Person
import org.posedistill.pose.TensorInfo
import org.posedistill.pose.YuvFrame
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/**
 * Finds persons in CameraX's frames with a model of distill-export; the one file that an app needs besides `:pose`.
 *
 *     val analysis = ImageAnalysis.Builder()
 *         .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
 *         .build()
 *     val analyzer = PoseAnalyzer(assets.open("student.tflite").readBytes()) { persons, width, height -> draw(persons) }
 *     analysis.setAnalyzer(executor, analyzer)
 *
 * The JSON that the export packed into the .tflite says how the model is fed and read.
 *
 * @param file the whole .tflite.
 * @param threads of one run.
 * @param found hears of the persons of each frame, in pixels of the upright frame, and of that frame's width and height.
 * @throws org.posedistill.pose.PoseException the file is no model of distill-export.
 */
class PoseAnalyzer(
    file: ByteArray,
    threads: Int = 4,
    private val found: (persons: List<Person>, width: Int, height: Int) -> Unit,
) : ImageAnalysis.Analyzer, AutoCloseable {
    private val model: ModelInfo
    private val interpreter: Interpreter
    private val decoder: Decoder
    private val pixels: ByteArray
    private val input: ByteBuffer
    private val outputs: Array<ByteBuffer>

    init {
        val packed = PackedMetadata.of(file)
        model = ModelInfo.parse(requireNotNull(packed.json) { "the .tflite carries no JSON; export it again" }, "the model")
        val content = ByteBuffer.allocateDirect(packed.modelLength).order(ByteOrder.nativeOrder())
        content.put(file, 0, packed.modelLength).rewind()
        interpreter = Interpreter(content, Interpreter.Options().setNumThreads(threads))
        val given = List(interpreter.outputTensorCount) { told(interpreter.getOutputTensor(it), it) }
        model.check(List(interpreter.inputTensorCount) { told(interpreter.getInputTensor(it), it) }, given)
        decoder = Decoder(model)
        pixels = ByteArray(model.input.elements())
        input = model.input.allocate()
        outputs = given.map { it.allocate() }.toTypedArray()
    }

    /** CameraX calls this for a frame at a time, on the executor of the analysis. */
    override fun analyze(image: ImageProxy) {
        val photograph = image.use { frame(it).turned(it.imageInfo.rotationDegrees) }
        val letterbox = Letterbox(photograph.fullWidth, photograph.fullHeight, model.width, model.height)
        letterbox.fill(photograph, model.padding, pixels)
        model.input.write(pixels, input)
        input.rewind()
        outputs.forEach { it.rewind() }
        interpreter.runForMultipleInputsOutputs(arrayOf(input), outputs.withIndex().associate { it.index to it.value })
        found(decoder.decode(outputs, letterbox), photograph.width, photograph.height)
    }

    /** To be called on the executor of the analysis, after the last frame. */
    override fun close() = interpreter.close()

    private fun frame(image: ImageProxy) = YuvFrame(
        image.width,
        image.height,
        Array(image.planes.size) { image.planes[it].buffer },
        IntArray(image.planes.size) { image.planes[it].rowStride },
        IntArray(image.planes.size) { image.planes[it].pixelStride },
    )

    private fun told(tensor: Tensor, position: Int) = TensorInfo(
        tensor.name(),
        position,
        tensor.shape(),
        tensor.dataType().name.lowercase(),
        tensor.quantizationParams().scale,
        tensor.quantizationParams().zeroPoint,
    )
}

package org.posedistill.bench;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.graphics.RectF;
import android.util.AttributeSet;
import android.view.View;
import java.util.Collections;
import java.util.List;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.Skeleton;

/** A photograph with the persons drawn over it: left limbs orange, right ones blue, on each person's own colour. */
public final class PoseView extends View {
    /** What is less sure ranks last in an AP, but would cover the picture. */
    private static final float LOWEST_PERSON = 0.3f;
    private static final float LOWEST_JOINT = 0.15f;
    private static final int LEFT = Color.rgb(255, 146, 26);
    private static final int RIGHT = Color.rgb(40, 170, 255);
    private static final int[] PERSONS = {
        Color.rgb(220, 20, 60), Color.rgb(60, 190, 75), Color.rgb(150, 50, 230), Color.rgb(255, 235, 60),
        Color.rgb(250, 70, 220), Color.rgb(110, 70, 20), Color.rgb(0, 120, 110), Color.rgb(170, 255, 60),
    };

    private final Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG | Paint.FILTER_BITMAP_FLAG);
    private final RectF frame = new RectF();
    private Bitmap bitmap;
    private boolean isTooLarge;
    /** Pixels of the photograph to a pixel of the bitmap. */
    private int reduction = 1;
    private Skeleton skeleton;
    private List<Person> persons = Collections.emptyList();

    public PoseView(Context context, AttributeSet attributes) {
        super(context, attributes);
        paint.setStrokeCap(Paint.Cap.ROUND);
    }

    /** Show a photograph, with persons in its pixels; null takes away what was shown. */
    void show(Photograph photograph, List<Person> newPersons, Skeleton newSkeleton) {
        bitmap = null;
        isTooLarge = false;
        try {
            bitmap = photograph == null ? null : photograph.toBitmap();
        } catch (OutOfMemoryError error) {
            isTooLarge = true;
        }
        reduction = photograph == null ? 1 : photograph.reduction;
        persons = newPersons;
        skeleton = newSkeleton;
        invalidate();
    }

    @Override
    protected void onDraw(Canvas canvas) {
        if (isTooLarge) {
            paint.setColor(Color.WHITE);
            paint.setTextSize(getHeight() / 16f);
            canvas.drawText(getContext().getString(R.string.too_large), 0, getHeight() / 2f, paint);
        }
        if (bitmap == null) {
            return;
        }
        float scale = Math.min((float) getWidth() / bitmap.getWidth(), (float) getHeight() / bitmap.getHeight());
        float left = (getWidth() - scale * bitmap.getWidth()) / 2;
        float top = (getHeight() - scale * bitmap.getHeight()) / 2;
        frame.set(left, top, left + scale * bitmap.getWidth(), top + scale * bitmap.getHeight());
        canvas.drawBitmap(bitmap, null, frame, paint);
        float width = Math.max(2, Math.min(frame.width(), frame.height()) / 160);
        canvas.save();
        canvas.clipRect(frame);
        canvas.translate(left, top);
        for (int i = persons.size() - 1; i >= 0; i--) {
            if (persons.get(i).score >= LOWEST_PERSON) {
                draw(canvas, persons.get(i), PERSONS[i % PERSONS.length], scale / reduction, width);
            }
        }
        canvas.restore();
    }

    private void draw(Canvas canvas, Person person, int colour, float scale, float width) {
        for (int[] limb : skeleton.limbs) {
            drawLimb(canvas, person, limb, colour, scale, 3 * width);
        }
        for (int[] limb : skeleton.limbs) {
            int side = side(limb[0]);
            drawLimb(canvas, person, limb, side == side(limb[1]) ? side : Color.WHITE, scale, width);
        }
        for (int joint = 0; joint < person.value.length; joint++) {
            if (person.value[joint] >= LOWEST_JOINT) {
                paint.setColor(colour);
                canvas.drawCircle(person.x[joint] * scale, person.y[joint] * scale, 2.2f * width, paint);
                paint.setColor(side(joint));
                canvas.drawCircle(person.x[joint] * scale, person.y[joint] * scale, 1.4f * width, paint);
            }
        }
    }

    private void drawLimb(Canvas canvas, Person person, int[] limb, int colour, float scale, float width) {
        int a = limb[0];
        int b = limb[1];
        if (person.value[a] >= LOWEST_JOINT && person.value[b] >= LOWEST_JOINT) {
            paint.setColor(colour);
            paint.setStrokeWidth(width);
            canvas.drawLine(person.x[a] * scale, person.y[a] * scale, person.x[b] * scale, person.y[b] * scale, paint);
        }
    }

    private int side(int joint) {
        String name = skeleton.joints[joint];
        return name.startsWith("left_") ? LEFT : name.startsWith("right_") ? RIGHT : Color.WHITE;
    }
}
